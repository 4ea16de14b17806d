import type { House, Violation } from "./house.ts";
import { lineAt, type Source } from "./source.ts";

const FILE_LINES_MAX = 350;
/** The contract is one text, to be read in one go. */
const CONTRACT = { path: "src/backend.ts", most: 550 };
const LINE_LENGTH_MAX = 110;

/** One idea per file; a long one holds two. */
export function* fileLength(house: House): Iterable<Violation> {
  for (const { path, text } of house.sources("src", "apps")) {
    const lines = text.trimEnd().split("\n").length;
    const most = path === CONTRACT.path ? CONTRACT.most : FILE_LINES_MAX;
    if (lines <= most) continue;
    const message = `${lines} lines, more than ${most}; give its second idea a file of its own`;
    yield { file: path, line: 1, law: "file-length", message };
  }
}

export function* lineLength(house: House): Iterable<Violation> {
  for (const { path, text } of house.sources()) {
    for (const [index, line] of text.split("\n").entries()) {
      if (line.length <= LINE_LENGTH_MAX) continue;
      const message = `${line.length} columns, more than ${LINE_LENGTH_MAX}; break the line`;
      yield { file: path, line: index + 1, law: "line-length", message };
    }
  }
}

/** A name that fits everything attracts everything. */
export function* fileNames(house: House): Iterable<Violation> {
  for (const path of house.paths) {
    const word = /(?:^|[/._-])(utils?|misc|helpers?|common|stuff)(?=[/._-])/i.exec(path)?.[1];
    if (word === undefined) continue;
    const message = `"${word}" says nothing; name the file after what is in it`;
    yield { file: path, line: 1, law: "file-names", message };
  }
}

/** Public entry points are the only barrels: inner ones make cycles and hide where things live. */
const BARREL = /^src\/(index|testkit\/index|sql\/index|backends\/[a-z]+\/index)\.ts$/;

export function* barrels(house: House): Iterable<Violation> {
  for (const source of house.sources("src")) {
    if (BARREL.test(source.path)) continue;
    for (const { kind, specifier, line } of house.imports(source)) {
      if (kind === "export") yield barrel(source.path, line, `"${specifier}"`);
    }
    for (const match of source.code.matchAll(/^[ \t]*export\s+(?:type\s+)?\{([^}]*)\}\s*(?:;|$)/gm)) {
      const imported = namesImported(source);
      const name = namesIn(match[1] ?? "").find((each) => imported.has(each));
      if (name !== undefined) yield barrel(source.path, lineAt(source.text, match.index), name);
    }
  }
}

function barrel(file: string, line: number, what: string): Violation {
  const message = `re-exports ${what}; only public entries do, import it from its own file`;
  return { file, line, law: "barrels", message };
}

function namesImported(source: Source): ReadonlySet<string> {
  const names = new Set<string>();
  for (const match of source.code.matchAll(/^[ \t]*import\s+([^"']*?)\s*from\b/gm)) {
    for (const name of namesIn(match[1] ?? "")) names.add(name);
  }
  return names;
}

const namesIn = (list: string): readonly string[] =>
  (list.match(/[\w$]+(?:\s+as\s+[\w$]+)?/g) ?? []).map((name) => name.replace(/^.*\sas\s+/s, ""));

/** A comment that promises work says where the work is described. */
export function* promises(house: House): Iterable<Violation> {
  for (const source of house.sources()) {
    for (const match of source.comments.matchAll(/\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)/g)) {
      const message = `${match[1]} without an issue; write ${match[1]} (#12), or do it now`;
      yield { file: source.path, line: lineAt(source.text, match.index), law: "promises", message };
    }
  }
}

/** What is written for one machine works on one machine. */
export function* machinePaths(house: House): Iterable<Violation> {
  const pattern = /(?:^|[^\w./-])\/(?:work|farm|root|Users|home)\/[A-Za-z]/gm;
  for (const path of house.paths) {
    const text = house.text(path) ?? "";
    for (const match of text.matchAll(pattern)) {
      const message = "a path of one machine; make it relative, or ask the environment";
      yield { file: path, line: lineAt(text, match.index + 1), law: "machine-paths", message };
    }
  }
}
