import { paint, printable } from "./terminal.ts";

/** Lines of aligned columns under a heading. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = heading.map((name, column) =>
    Math.max(columns(name), ...shown.map((row) => columns(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - columns(cell))))
      .join("  ")
      .trimEnd();
  return [paint(line(heading), "bold"), ...shown.map(line)].join("\n");
}

/** East Asian wide characters and emoji (Unicode Annex 11, the blocks in common use). */
const WIDE = new RegExp(
  "[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff" +
    "\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6]|\\p{Emoji_Presentation}",
  "u",
);

/** How many columns of a terminal the text takes. */
function columns(text: string): number {
  let sum = 0;
  for (const char of text) sum += /\p{M}/u.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return sum;
}
