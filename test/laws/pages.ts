import { posix } from "node:path";
import type { House, Violation } from "./house.ts";
import { lineAt } from "./source.ts";

/** Relative links of every page lead to a file, and to a heading of it where they name one. */
export function* links(house: House): Iterable<Violation> {
  for (const file of pages(house)) {
    const text = withoutCode(house.text(file) ?? "");
    for (const match of text.matchAll(/\]\(([^()\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm)) {
      const link = match[1] ?? match[2] ?? "";
      if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? file : posix.join(posix.dirname(file), path);
      const line = lineAt(text, match.index);
      if (!house.exists(target)) {
        yield { file, line, law: "links", message: `${link} leads nowhere; mend the path or write the page` };
      } else if (anchor !== undefined && !anchorsOf(house.text(target) ?? "").has(anchor)) {
        const message = `${target} has no heading #${anchor}; mend the anchor`;
        yield { file, line, law: "links", message };
      }
    }
  }
}

const MARKER = /^[ \t]*<!-- example: (\S+?)(?:#(\S+))? -->[ \t]*\n/gm;

/**
 * `<!-- example: examples/mutex.ts -->` before a fence says that the fence shows this file, or with `#name`
 * its lines between `// #region name` and `// #endregion`. Examples are compiled and run, so pages stay true.
 */
export function* examples(house: House): Iterable<Violation> {
  for (const file of pages(house)) {
    const text = house.text(file) ?? "";
    for (const match of text.matchAll(MARKER)) {
      const [whole, path = "", region] = match;
      const line = lineAt(text, match.index);
      const broken = (message: string): Violation => ({ file, line, law: "examples", message });
      const source = house.text(path);
      const wanted =
        source === undefined ? undefined : region === undefined ? source : regionOf(source, region);
      const shown = /^```\w*\n([\s\S]*?)^```/m.exec(text.slice(match.index + whole.length));
      if (source === undefined) yield broken(`${path} does not exist; mend the marker`);
      else if (wanted === undefined) yield broken(`${path} has no \`// #region ${region}\`; add it`);
      else if (shown?.index !== 0) yield broken("no fence follows the marker; put it right below");
      else if (shown[1] !== wanted) {
        yield broken(
          `differs from ${path}${region === undefined ? "" : `#${region}`}; paste it anew:\n${wanted}`,
        );
      }
    }
  }
}

function regionOf(source: string, name: string): string | undefined {
  const lines = source.split("\n");
  const start = lines.findIndex((line) => line.trim() === `// #region ${name}`);
  const end = lines.findIndex((line, index) => index > start && line.trim() === "// #endregion");
  if (start < 0 || end < 0) return undefined;
  const region = lines.slice(start + 1, end);
  const indents = region.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return region.map((line) => `${line.slice(indent)}\n`).join("");
}

function pages(house: House): readonly string[] {
  return house.paths.filter((path) => path.endsWith(".md"));
}

/** Blanks out fences and inline code; line breaks stay. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, " "));
}

/** As GitHub makes them: lower case, punctuation gone, spaces to hyphens. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*$/gm);
  const anchors = new Set<string>();
  for (const [, heading = ""] of headings) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    for (let n = 0; ; n += 1) {
      const unique = n === 0 ? anchor : `${anchor}-${n}`;
      if (anchors.has(unique)) continue;
      anchors.add(unique);
      break;
    }
  }
  return anchors;
}
