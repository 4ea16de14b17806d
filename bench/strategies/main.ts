import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { startRedis } from "../redis-server.ts";
import { page } from "./chart.ts";
import { CONTESTANTS, OUR_NAMES, STORES, type StoreName } from "./contestants.ts";
import { grid } from "./grid.ts";
import { measure, type Pace } from "./measure.ts";
import { describe, type Measured } from "./point.ts";
import { report } from "./report.ts";

export const HELP = `Measures the strategies beside other ways to update a record, in one run on this machine.

Usage: npm run bench -- strategies [options]

  --only STORES   of ${STORES.join(", ")}; default all
  --quick         a small grid and short measurements
  --markdown      print the tables as Markdown
  --html FILE     also draw the curves
  --json FILE     also write every single measurement
  --help

Each measurement runs in fresh processes, on counters of its own, which are added up in the end: "lost" are
acknowledged updates that are not there. Writers update random records one after the other, without a pause.`;

const FULL: Pace = { warmUpMs: 300, ms: 1_200 };
const QUICK: Pace = { warmUpMs: 150, ms: 600 };

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** @throws TypeError, RangeError on options that make no sense */
export async function strategies(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      html: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const stores = (values.only?.split(",") ?? STORES).map((name) => storeNamed(name));
  const measured: Measured[] = [];
  for (const store of stores) measured.push(...(await measureStore(store, values.quick)));
  const machine = describeMachine();
  console.log(`${report(measured, values.markdown ? "markdown" : "text")}\n\n${machine}`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ machine, measured }, null, 1));
  if (values.html !== undefined) writeFileSync(values.html, page(measured, machine));
  const isBroken = ({ contestant, error, lost }: Measured): boolean =>
    OUR_NAMES.includes(contestant) && (error !== undefined || lost !== 0);
  if (measured.some(isBroken)) process.exitCode = 1;
}

async function measureStore(store: StoreName, quick: boolean): Promise<readonly Measured[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const server = await start(store, directory);
  const measured: Measured[] = [];
  try {
    const loads = grid(quick);
    for (const [index, load] of loads.entries()) {
      console.error(`${store}, ${index + 1} of ${loads.length}: ${describe(load)} …`);
      for (const contestant of shuffled(Object.keys(CONTESTANTS[store]))) {
        measured.push(await measure(store, server.url, contestant, load, quick ? QUICK : FULL));
      }
    }
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  return measured;
}

/** Who is measured first finds the machine, and the store, in another state than who comes last. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

async function start(store: StoreName, directory: string): Promise<Server> {
  if (store === "sqlite") return { url: `sqlite:${join(directory, "bench.db")}`, stop: async () => {} };
  const redis = await startRedis(join(directory, "redis"));
  return { url: `redis://127.0.0.1:${redis.addresses.redisPort}`, stop: () => redis.stop() };
}

function storeNamed(name: string): StoreName {
  const found = STORES.find((store) => store === name.trim());
  if (found === undefined) throw new RangeError(`no store "${name}". There are: ${STORES.join(", ")}`);
  return found;
}
