/** A source text seen three ways; offsets and line breaks are the same in each. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** Comments and the contents of strings, templates and regular expressions are blanks. */
  readonly code: string;
  /** Everything but comments is blanks. */
  readonly comments: string;
}

export type ImportKind = "import" | "export" | "dynamic" | "url";

export interface Import {
  readonly kind: ImportKind;
  readonly typeOnly: boolean;
  readonly specifier: string;
  readonly line: number;
}

/** TypeScript 7 has no parser to ask, and the laws need no more than to tell code from text. */
export function parseSource(path: string, text: string): Source {
  const code = text.split("");
  const comments = code.map((char): string => (char === "\n" ? "\n" : " "));
  const scanner = /\/\/|\/\*|["'`{}]|\//g;
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;
  const blank = (from: number, to: number): void => {
    for (let at = from; at < to; at += 1) if (code[at] !== "\n") code[at] = " ";
  };
  for (let match = scanner.exec(text); match !== null; match = scanner.exec(text)) {
    const at = match.index;
    const found = match[0];
    if (found === "//" || found === "/*") {
      const end = found === "//" ? lineEnd(text, at) : after(text, "*/", at + 2);
      for (let i = at; i < end; i += 1) comments[i] = text[i] ?? " ";
      blank(at, end);
      scanner.lastIndex = end;
    } else if (found === "{") {
      depth += 1;
    } else if (found === "}" && templates.at(-1) !== depth) {
      depth -= 1;
    } else if (found === "`" || found === "}") {
      if (found === "}") templates.pop();
      const end = templateEnd(text, at + 1);
      const goesOn = text[end - 1] === "{";
      blank(at + 1, goesOn ? end - 2 : end - 1);
      // The braces of a substitution balance each other only if both are seen: neither is counted.
      if (goesOn) templates.push(depth);
      scanner.lastIndex = end;
    } else if (found !== "/" || startsRegex(code, at)) {
      const end = found === "/" ? regexEnd(text, at + 1) : quoteEnd(text, at + 1, found);
      blank(at + 1, end - 1);
      scanner.lastIndex = end;
    }
  }
  return { path, text, code: code.join(""), comments: comments.join("") };
}

/** What a source imports, re-exports, loads later, or names as a module beside it by `new URL`. */
export function importsOf(source: Source): readonly Import[] {
  const found: (Import & { readonly at: number })[] = [];
  const collect = (pattern: RegExp, kind: (match: RegExpExecArray) => ImportKind): void => {
    for (const match of source.code.matchAll(pattern)) {
      const start = match.index + match[0].length;
      const end = quoteEnd(source.text, start, source.text[start - 1] ?? '"') - 1;
      const at = match.index + match[0].search(/\S/);
      found.push({
        kind: kind(match),
        typeOnly: /^(?:import|export)\s+type\b/.test(match[0].trimStart()),
        specifier: source.text.slice(start, end),
        line: lineAt(source.text, at),
        at,
      });
    }
  };
  collect(/^[ \t]*(import|export)\b[^;"'`()]*?\bfrom\s*["']/gm, (match) =>
    match[1] === "export" ? "export" : "import",
  );
  collect(/^[ \t]*import\s*["']/gm, () => "import");
  collect(/\bimport\(\s*["']/g, () => "dynamic");
  collect(/\bnew URL\(\s*["'](?=[^,]*,\s*import\.meta\.url)/g, () => "url");
  return found.sort((a, b) => a.at - b.at);
}

/** 1 is the first. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function after(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at + what.length;
}

/** A quoted string ends with its line at the latest, so that one odd apostrophe blanks no more than that. */
function quoteEnd(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote || text[at] === "\n") return at + 1;
  }
  return text.length;
}

/** Behind the closing back-tick, or behind the brace that opens a substitution. */
function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "`") return at + 1;
    else if (text[at] === "$" && text[at + 1] === "{") return at + 2;
  }
  return text.length;
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
    else if (text[at] === "/" && !inClass) return at + 1;
  }
  return from;
}

/** A slash behind a value divides; behind an operator, a bracket or a keyword it opens a pattern. */
function startsRegex(code: readonly string[], at: number): boolean {
  let before = at - 1;
  while (before >= 0 && /\s/.test(code[before] ?? "")) before -= 1;
  if (before < 0 || "(,=:[!&|?{};+-*%<>~^".includes(code[before] ?? "")) return true;
  const word = /[a-z]+$/.exec(code.slice(Math.max(0, before - 10), before + 1).join(""))?.[0];
  return word !== undefined && ["return", "typeof", "case", "in", "of", "await", "yield"].includes(word);
}
