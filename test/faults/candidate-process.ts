import { setTimeout as delay } from "node:timers/promises";
import { connect, ConflictError, type Term } from "holdfast";

/** Accepted writes of one leader after the other, as the store has taken them. */
export interface Run {
  readonly term: string;
  readonly writes: number;
}

/**
 * Stands for election until it is killed. While it leads it writes as fast as it can, and says
 * `leads TERM` with its first accepted write. Beside that it locks what all candidates lock.
 */
const [url = "", id = ""] = process.argv.slice(2);
const hf = await connect(url, { ttlMs: 250, claimMs: 200, fallbackMs: 500 });
const ledger = hf.records<readonly Run[]>("ledger");

async function write(term: Term): Promise<void> {
  const head = await ledger.get("runs");
  const runs = head?.value ?? [];
  const last = runs.at(-1);
  const mine = String(term.token);
  const next =
    last?.term === mine
      ? [...runs.slice(0, -1), { term: mine, writes: last.writes + 1 }]
      : [...runs, { term: mine, writes: 1 }];
  const options = { ifRevision: head?.revision ?? null, fence: term };
  await ledger.put("runs", next, options).catch((error: unknown) => {
    if (!(error instanceof ConflictError)) throw error;
  });
}

async function load(): Promise<never> {
  for (;;) await hf.mutex("load").withLock(() => delay(2)).catch(() => delay(10));
}

void load();
await hf.election("chief").lead(id, async (term) => {
  await write(term);
  console.log(`leads ${term.token}`);
  // Also after it is told to stop: the fence has to hold without its good will. Ends by StaleTokenError.
  const until = performance.now() + 60_000;
  while (performance.now() < until) await write(term);
});
