import type { Cancel } from "../clock.ts";
import type { RecordsContext } from "./commit.ts";
import type { Declaration } from "./declaration.ts";
import { positionsOf, READERS } from "./readers.ts";

/** A process looks what may go after it has made so many versions of a collection. */
const EVERY_VERSIONS = 500;
/** It does so at most this often, and not at the moment that other processes do. */
const LEAST_PAUSE_MS = 10_000;
/** Versions that go in one call, and the pause between two calls, so that writers hardly notice. */
const VERSIONS_PER_CALL = 500;
const BETWEEN_CALLS_MS = 25;
/** Holdfast's own collections remember for so long, and one version more than the head. */
const OWN: Pick<Declaration, "keep" | "forMs"> = { keep: 1, forMs: 3_600_000 };

/** Forgets the history that nobody needs, now and then, on nobody's way. */
export class Retention {
  readonly #made = new Map<string, number>();
  readonly #timers = new Map<string, Cancel>();
  #closed = false;

  constructor(
    private readonly context: RecordsContext,
    private readonly declared: (collection: string) => Declaration | undefined,
  ) {}

  wrote(collection: string, versions: number): void {
    // Not from 0 on: many processes that write a little each should look in the end, too.
    const before = this.#made.get(collection) ?? Math.floor(this.context.clock.random() * EVERY_VERSIONS);
    const made = before + versions;
    this.#made.set(collection, made);
    if (made < EVERY_VERSIONS || this.#timers.has(collection) || this.#closed) return;
    if (this.#limits(collection) === undefined) return;
    this.#made.set(collection, 0);
    this.#later(collection, this.context.clock.random() * LEAST_PAUSE_MS, () => this.#run(collection));
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #limits(collection: string): Pick<Declaration, "keep" | "forMs"> | undefined {
    const limits = collection === READERS ? OWN : this.declared(collection);
    return limits?.forMs === Infinity ? undefined : limits;
  }

  async #run(collection: string): Promise<void> {
    try {
      if (await pruneOnce(this.context, collection, this.#limits(collection))) {
        return this.#later(collection, BETWEEN_CALLS_MS, () => this.#run(collection));
      }
    } catch {
      // The event backend.failed has told it; the next time may go well.
    }
    // Nothing happens then but that the next round may begin.
    this.#later(collection, LEAST_PAUSE_MS, () => this.#timers.delete(collection));
  }

  #later(collection: string, ms: number, run: () => unknown): void {
    if (this.#closed) return;
    this.#timers.set(
      collection,
      this.context.clock.timer(ms, () => void run(), { keepAlive: false }),
    );
  }
}

/** True: there may be more to go. */
async function pruneOnce(
  context: RecordsContext,
  collection: string,
  limits: Pick<Declaration, "keep" | "forMs"> | undefined,
): Promise<boolean> {
  if (limits === undefined) return false;
  const { backend, call } = context;
  const now = await call("time", () => backend.time());
  const upTo = collection === READERS ? [] : await positionsOf(context, collection, now);
  const request = {
    collection,
    before: now - limits.forMs,
    keep: limits.keep,
    limit: VERSIONS_PER_CALL,
    upTo,
  };
  return (await call("prune", () => backend.prune(request))) === VERSIONS_PER_CALL;
}
