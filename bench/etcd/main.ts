import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { median, mostOverLeast, quantile, sum } from "../statistics.ts";
import { sleep } from "../stopwatch.ts";
import { readable, table, type Style } from "../table.ts";
import { Worker } from "./crew.ts";
import { startEtcd } from "./server.ts";

const HELP = `Measures Holdfast's locks on etcd beside raw requests to the same private server.

Usage: npm run bench -- etcd [--quick] [--rounds N] [--markdown] [--fsync|--no-fsync]

N rounds (3; with --quick 1), medians shown. Without --fsync or --no-fsync: both ways, as transactions reach
the disk before their answer or not. Needs etcd on the PATH.`;

/** Time for the waiter's request to reach the store. */
const QUEUE_MS = 15;

interface Row {
  readonly text: string;
  readonly raw: number;
  readonly ours: number;
  /** Of ours / raw; without it, the row is for information. */
  readonly target?: number;
}

interface Scale {
  readonly pairs: number;
  readonly handovers: number;
  readonly ms: number;
}

const QUICK: Scale = { pairs: 300, handovers: 60, ms: 1_000 };
const FULL: Scale = { pairs: 1_000, handovers: 150, ms: 2_500 };

/** Resolves with the exit code. */
export async function benchEtcd(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: "boolean" },
      rounds: { type: "string" },
      markdown: { type: "boolean" },
      fsync: { type: "boolean" },
      "no-fsync": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const quick = values.quick === true;
  const rounds = Math.min(50, Math.max(1, Number(values.rounds ?? (quick ? 1 : 3)) || 1));
  const scale = quick ? QUICK : FULL;
  const style: Style = values.markdown === true ? "markdown" : "text";
  for (const fsync of [true, false]) {
    if (values[fsync ? "no-fsync" : "fsync"] === true) continue;
    const measured: (readonly Row[])[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      process.stderr.write(`${fsync ? "with" : "without"} fsync, round ${round} of ${rounds} …\n`);
      measured.push(await measure(fsync, scale));
    }
    const title = fsync ? "Transactions reach the disk (the default)" : "--unsafe-no-fsync";
    console.log(`\n${title}\n\n${table([HEADING, ...summary(measured)], style)}`);
  }
  console.log(`\n${describeMachine()}, ${rounds} rounds`);
  return 0;
}

const HEADING = ["", "raw", "holdfast", "ratio", "target", ""];

function summary(rounds: readonly (readonly Row[])[]): string[][] {
  return (rounds[0] ?? []).map(({ target, text }, index) => {
    const of = (pick: (row: Row) => number): number =>
      median(rounds.map((rows) => pick(rows[index] as Row)));
    const ratio = of(({ ours, raw }) => ours / raw);
    const verdict = target === undefined ? "" : ratio <= target ? "met" : "missed";
    const figures = [of(({ raw }) => raw), of(({ ours }) => ours), ratio].map(readable);
    return [text, ...figures, target === undefined ? "" : `≤ ${target}`, verdict];
  });
}

async function measure(fsync: boolean, scale: Scale): Promise<readonly Row[]> {
  const server = await startEtcd(fsync);
  const workers: Worker[] = [];
  const worker = async (isAlone: boolean): Promise<Worker> => {
    const started = await Worker.start(server.port, isAlone);
    workers.push(started);
    return started;
  };
  try {
    const alone = await worker(true);
    const pairs = await alone.ask("pairs", scale.pairs);
    const keys = await alone.ask("keys", { count: 64, ms: scale.ms });
    const two = [await worker(false), await worker(false)] as const;
    const handover = await handovers(two, scale.handovers);
    const four = [...two, await worker(false), await worker(false)];
    const crowd = await Promise.all(four.map((each) => each.ask("crowd", { count: 8, ms: scale.ms })));
    const shares = crowd.flat();
    const noRaw = { raw: Number.NaN };
    const perSecond = sum(shares) / (scale.ms / 1_000);
    return [
      { text: "acquire + release, p50 ms", ...pairs, target: 1.2 },
      { text: "handover to another process, p50 ms; raw: put → watch event", ...handover, target: 1.5 },
      { text: "64 keys at once, pairs/s", ...keys },
      { text: "one key, 4 processes × 8 callers, acq/s", ...noRaw, ours: perSecond },
      { text: "… most served / least served", ...noRaw, ours: mostOverLeast(shares) },
    ];
  } finally {
    for (const each of workers) each.end();
    await server.stop();
  }
}

/** In turns: a put and the event of it, a release and the grant that follows. */
async function handovers(
  [one, other]: readonly [Worker, Worker],
  times: number,
): Promise<{ readonly raw: number; readonly ours: number }> {
  const [raw, ours]: [number[], number[]] = [[], []];
  await other.ask("listen");
  let [holder, waiter] = [one, other];
  await holder.ask("lock");
  for (let turn = 0; turn < times; turn += 1) {
    const event = other.ask("hear");
    await sleep(QUEUE_MS);
    const put = await one.ask("put");
    raw.push((await event) - put);
    const granted = waiter.ask("lock");
    await sleep(QUEUE_MS + Math.random() * QUEUE_MS);
    const released = await holder.ask("release");
    ours.push((await granted) - released);
    [holder, waiter] = [waiter, holder];
  }
  await holder.ask("release");
  return { raw: quantile(raw, 0.5), ours: quantile(ours, 0.5) };
}
