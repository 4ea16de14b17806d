import { parseArgs } from "node:util";
import { describeMachine, pinned } from "../machine.ts";
import { median } from "../statistics.ts";
import { readable, table, type Style } from "../table.ts";
import { cells, type Numbers, type Scale } from "./cells.ts";
import type { Contestant } from "./contestant.ts";
import { curator } from "./curator.ts";
import { CuratorHarness } from "./harness.ts";
import { holdfast } from "./holdfast.ts";
import { judge } from "./marks.ts";
import { startZooKeeper } from "./server.ts";

const QUICK: Scale = { times: 300, ms: 1_000 };
const FULL: Scale = { times: 800, ms: 2_500 };

const HELP = `Measures Holdfast on ZooKeeper beside Apache Curator in Java, on the same private server.

Usage: npm run bench -- zookeeper [--quick] [--rounds N] [--markdown] [--only CELL,…] [--no-fsync|--fsync]

Each cell is measured in fresh processes, contestants in turn, N rounds (3; with --quick 1), medians shown.
Without --fsync or --no-fsync: both ways, as the server's transactions reach the disk before their answer or
not. Needs java and javac with the jars of libcurator-recipes-java and zookeeper in /usr/share/java.

Cells: ${Object.keys(cells).join(", ")}`;

/** @returns the exit code */
export async function benchZooKeeper(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: "boolean" },
      rounds: { type: "string" },
      markdown: { type: "boolean" },
      only: { type: "string" },
      fsync: { type: "boolean" },
      "no-fsync": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const only = values.only?.split(",") ?? Object.keys(cells);
  const rounds = Number(values.rounds ?? (values.quick === true ? 1 : 3));
  const scale = values.quick === true ? QUICK : FULL;
  const style: Style = values.markdown === true ? "markdown" : "text";
  const ways = [true, false].filter((fsync) => values[fsync ? "no-fsync" : "fsync"] !== true);
  const harness = await CuratorHarness.compile();
  try {
    for (const fsync of ways) await suite(fsync, [holdfast, curator(harness)], only, rounds, scale, style);
  } finally {
    await harness.discard();
  }
  console.log(`\n${describeMachine()}, ZooKeeper 3.8, ${rounds} rounds`);
  return 0;
}

async function suite(
  fsync: boolean,
  contestants: readonly Contestant[],
  only: readonly string[],
  rounds: number,
  scale: Scale,
  style: Style,
): Promise<void> {
  const server = await startZooKeeper(fsync);
  const samples = new Map<string, Numbers[]>();
  try {
    // A server that has just started is slower.
    await measure("uncontended", contestants[0]!, server.address, { times: 1_500, ms: 0 });
    for (let round = 0; round < rounds; round++) {
      for (const id of only) {
        const order = round % 2 === 0 ? contestants : [...contestants].reverse();
        for (const contestant of order) {
          const key = `${id} ${contestant.name}`;
          process.stderr.write(`${fsync ? "fsync" : "no fsync"}, round ${round + 1}: ${key}\n`);
          const numbers = await measure(id, contestant, server.address, scale);
          samples.set(key, [...(samples.get(key) ?? []), numbers]);
        }
      }
    }
  } finally {
    await server.stop();
  }
  const lookup = (whose: "ours" | "theirs", id: string): Numbers => {
    const { name } = contestants[whose === "ours" ? 0 : 1]!;
    return medians(samples.get(`${id} ${name}`) ?? []);
  };
  console.log(`\n# ${fsync ? "Transactions reach the disk (the default)" : "Without fsync (forceSync=no)"}`);
  for (const id of only) {
    const columns = Object.keys(lookup("ours", id));
    const rows = contestants.map(({ name }, at) => {
      const numbers = lookup(at === 0 ? "ours" : "theirs", id);
      return [name, ...columns.map((column) => readable(numbers[column] ?? Number.NaN))];
    });
    console.log(`\n${cells[id]!.title}\n\n${table([["", ...columns], ...rows], style)}`);
  }
  if (only.length === Object.keys(cells).length) {
    console.log(`\n${table([["mark", "target", "measured", ""], ...judge(lookup)], style)}`);
  }
}

let paths = 0;

async function measure(id: string, contestant: Contestant, servers: string, scale: Scale): Promise<Numbers> {
  const cell = cells[id]!;
  const launcher = cell.processes === 1 ? pinned("client", "").slice(0, -1) : [];
  const starting = Array.from({ length: cell.processes }, () => contestant.start(servers, launcher));
  const processes = await Promise.all(starting);
  try {
    return await cell.measure(processes, scale, `/bench/${id}-${(paths += 1)}`);
  } finally {
    await Promise.all(processes.map((process) => process.end()));
  }
}

function medians(samples: readonly Numbers[]): Numbers {
  const columns = Object.keys(samples[0] ?? {});
  return Object.fromEntries(columns.map((column) => [column, median(samples.map((each) => each[column]!))]));
}
