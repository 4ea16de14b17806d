import { parseArgs } from "node:util";
import type { Cell } from "./cell.ts";
import type { SuiteName } from "./cells/all.ts";
import { contestantNames, type ContestantName } from "./lockers/contestants.ts";
import type { Style } from "./table.ts";

export interface Command {
  readonly suite: SuiteName;
  readonly cells: readonly Cell[];
  readonly contestants: readonly ContestantName[] | undefined;
  readonly rounds: number;
  readonly quick: boolean;
  readonly style: Style;
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

export class UsageError extends Error {}

type Suites = Readonly<Record<SuiteName, readonly Cell[]>>;

export function help(suites: Suites): string {
  return `Measures Holdfast's locks beside other libraries and raw commands, in one run on this machine.

Usage: npm run bench -- [locks | sql] [options]

  --only IDS         only these cells, for instance --only 2a,2c
  --contestants A,B  these contestants instead of each cell's own
  --rounds N         1 to 50, default 3 (1 with --quick)
  --quick            a first look: short measurements, and no peers at their defaults
  --markdown         print the tables as Markdown
  --json FILE        also write every single measurement and the marks to FILE
  --profile DIR      leave a CPU profile of each worker process in DIR (open it in a browser's dev tools)
  --help

Tables go to the standard output, progress to the standard error. It starts servers of its own on the loopback
(locks: redis-server; sql: PostgreSQL and MariaDB, which have to be installed) and removes everything when it
ends.

How it measures: every measurement runs in fresh processes; a server and a client that is a single process
get a core each (with taskset); the contestants of a cell follow one another in random order, the whole
several times over, and the tables show medians. Compare numbers of one run only, and trust the ratios. A
measurement that others disturbed by more than a quarter of a core is done again. "tight" is a peer that
polls as often as a Node timer can; the others are at their defaults. Waits that are open at the end count.

${Object.entries(suites).map(([suite, cells]) => cellsOf(suite, cells)).join("\n\n")}

Contestants: ${contestantNames.join(", ")}`;
}

function cellsOf(suite: string, cells: readonly Cell[]): string {
  return `Cells of ${suite}:\n${cells.map(({ id, title }) => `  ${id}  ${title}`).join("\n")}`;
}

/** Undefined: the user asked for help. @throws UsageError */
export function readCommand(argv: readonly string[], suites: Suites): Command | undefined {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const [suite = "locks", ...rest] = positionals;
  if (!isSuite(suite, suites) || rest.length > 0) {
    const names = Object.keys(suites).join(", ");
    throw new UsageError(`unknown: ${positionals.join(" ")}. There are the suites ${names}`);
  }
  const cells = suites[suite];
  const quick = values.quick ?? false;
  return {
    suite,
    cells: chosen(values.only, cells.map((cell) => [cell.id, cell] as const), "cell") ?? cells,
    contestants: chosen(values.contestants, contestantNames.map((name) => [name, name]), "contestant"),
    rounds: roundCount(values.rounds, quick),
    quick,
    style: values.markdown ? "markdown" : "text",
    json: values.json,
    profile: values.profile,
  };
}

function isSuite(name: string, suites: Suites): name is SuiteName {
  return Object.hasOwn(suites, name);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        only: { type: "string" },
        contestants: { type: "string" },
        rounds: { type: "string" },
        quick: { type: "boolean" },
        markdown: { type: "boolean" },
        json: { type: "string" },
        profile: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function chosen<T>(
  list: string | undefined,
  all: readonly (readonly [string, T])[],
  what: string,
): readonly T[] | undefined {
  if (list === undefined) return undefined;
  const known = new Map(all);
  return list.split(",").map((part) => {
    const found = known.get(part.trim());
    if (found === undefined) {
      throw new UsageError(`no ${what} "${part.trim()}". There are: ${[...known.keys()].join(", ")}`);
    }
    return found;
  });
}

function roundCount(text: string | undefined, quick: boolean): number {
  if (text === undefined) return quick ? 1 : 3;
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 50) return rounds;
  throw new UsageError(`--rounds takes a whole number from 1 to 50, not ${text}`);
}
