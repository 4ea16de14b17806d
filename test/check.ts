import { fileURLToPath } from "node:url";
import { House, type Violation } from "./laws/house.ts";
import { LAWS } from "./laws/laws.ts";

/** `npm run check` runs this after the compiler and the linter: the laws that neither of them can see. */
const root = fileURLToPath(new URL("../../", import.meta.url));
const house = House.read(root);
const violations = LAWS.flatMap((law) => [...law(house)]);

const place = (a: Violation, b: Violation): number =>
  a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
for (const { file, line, law, message } of violations.sort(place)) {
  console.log(`${file}:${line} ${law}: ${message}`);
}
console.log(`${LAWS.length} laws, ${house.paths.length} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
