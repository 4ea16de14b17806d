import type { House, Violation } from "./house.ts";
import { lineAt } from "./source.ts";

/** Every error stands in its reference page with all that it carries, and no other does. */
export function* errorsPage(house: House): Iterable<Violation> {
  const classes = /^export class (\w+)(?:<[^>]*>)? extends HoldfastError \{([\s\S]*?)^\}/gm;
  yield* compare(house, "errors-page", "src/errors.ts", "docs/reference/errors.md", (text) =>
    [...text.matchAll(classes)].map(({ 1: name = "", 2: body = "", index }) => ({
      name,
      line: lineAt(text, index),
      terms: [...capture(body, /\bcode = "(\w+)"/g), ...capture(body, /^ {4}readonly (\w+)\??:/gm)],
    })),
  );
}

/** Every event stands in its reference page with all its payload, and no other does. */
export function* eventsPage(house: House): Iterable<Violation> {
  yield* compare(house, "events-page", "src/events.ts", "docs/reference/events.md", (text) => {
    const start = text.indexOf("export interface Events");
    const body = text.slice(start, text.indexOf("\n}", start));
    const common = /export interface LockEvent \{([\s\S]*?)^\}/m.exec(text)?.[1] ?? "";
    return [...body.matchAll(/^ {2}"([\w.]+)":([\s\S]*?)(?=^ {2}["/]|$(?![\s\S]))/gm)].map(
      ({ 1: name = "", 2: payload = "", index }) => ({
        name,
        line: lineAt(text, start + index),
        terms: [
          ...capture(payload, /\breadonly (\w+)\??:/g),
          ...(payload.includes("LockEvent") ? capture(common, /\breadonly (\w+)\??:/g) : []),
        ],
      }),
    );
  });
}

interface Entry {
  readonly name: string;
  readonly line: number;
  /** What its section must mention, each in backticks. */
  readonly terms: readonly string[];
}

/** Sections of a reference page open with the heading "## `name`". */
function* compare(
  house: House,
  law: string,
  source: string,
  page: string,
  entriesOf: (text: string) => readonly Entry[],
): Iterable<Violation> {
  const entries = entriesOf(house.text(source) ?? "");
  if (entries.length === 0) {
    yield { file: source, line: 1, law, message: `nothing found to document; teach ${law} the new form` };
    return;
  }
  const text = house.text(page) ?? "";
  const sections = new Map<string, { readonly line: number; readonly body: string }>();
  for (const match of text.matchAll(/^## `([^`]+)`.*\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)) {
    sections.set(match[1] ?? "", { line: lineAt(text, match.index), body: match[2] ?? "" });
  }
  for (const { name, line, terms } of entries) {
    const section = sections.get(name);
    if (section === undefined) {
      yield { file: source, line, law, message: `${name} is not in ${page}; add a section "## \`${name}\`"` };
      continue;
    }
    for (const term of terms.filter((each) => !section.body.includes(`\`${each}\``))) {
      const message = `the section of ${name} does not mention \`${term}\`; say what it is`;
      yield { file: page, line: section.line, law, message };
    }
  }
  for (const [name, { line }] of sections) {
    if (entries.some((entry) => entry.name === name)) continue;
    yield { file: page, line, law, message: `${name} is not in ${source}; remove its section` };
  }
}

const capture = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((match) => match[1] ?? "");

/** Every backend has its page, and no page speaks of one that is not there. */
export function* backendPages(house: House): Iterable<Violation> {
  const law = "backend-pages";
  const names = new Set(house.backends);
  for (const name of names) {
    const page = `docs/backends/${name}.md`;
    if (house.exists(page)) continue;
    const file = house.exists(`src/backends/${name}.ts`)
      ? `src/backends/${name}.ts`
      : `src/backends/${name}/index.ts`;
    const message = `the backend has no page ${page}; say what it guarantees, needs, and does on failover`;
    yield { file, line: 1, law, message };
  }
  for (const path of house.paths) {
    const name = /^docs\/backends\/([^/]+)\.md$/.exec(path)?.[1];
    if (name === undefined || names.has(name) || NOT_A_BACKEND.has(name)) continue;
    yield { file: path, line: 1, law, message: `there is no backend ${name}; remove the page` };
  }
}

const NOT_A_BACKEND = new Set(["README", "adding-one", "choosing"]);
