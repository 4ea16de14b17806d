import type { FeedPosition } from "../backend.ts";
import { sleep } from "../clock.ts";
import { BackendError } from "../errors.ts";
import { checkInteger, checkSignal } from "../locks/options.ts";
import type { RecordsContext } from "./commit.ts";
import { versionOf, type RecordVersion } from "./head.ts";

/**
 * How far a reader of a collection's changes has come: opaque, flat, to be stored as JSON wherever you like.
 */
export type Checkpoint = Readonly<Record<string, string>>;

export interface ChangesOptions {
  /** Changes after this one; default: from the beginning. */
  readonly after?: Checkpoint | null;
  /** Most versions of a page, 1 … 10,000; default 500. */
  readonly limit?: number;
}

export interface WatchOptions extends ChangesOptions {
  readonly signal?: AbortSignal;
}

export type Changes<T> =
  /** Versions in the order of their commits. `more`: the next page is not empty. */
  | {
      readonly kind: "page";
      readonly versions: readonly RecordVersion<T>[];
      readonly checkpoint: Checkpoint;
      readonly more: boolean;
    }
  /**
   * Changes after the checkpoint are forgotten, so what you have may be out of date: read the collection anew
   * by `list`, drop what is not there, and go on at this checkpoint.
   */
  | { readonly kind: "reset"; readonly checkpoint: Checkpoint };

/** A watcher whose store tells it of changes looks by itself this often; of one that does not, more often. */
const FALLBACK_MS = 3_000;
const POLL_MS = 200;
const RETRY_MAX_MS = 5_000;

/** A page of the feed. @throws TypeError, RangeError, BackendError */
export async function changesOf<T>(
  { backend, call }: RecordsContext,
  collection: string,
  { after, limit }: ChangesOptions,
): Promise<Changes<T>> {
  const position = positionOf(collection, after);
  const most = checkInteger(limit ?? 500, "limit", 1, 10_000);
  const page = await call("changes", () => backend.changes(collection, position, most));
  const checkpoint = checkpointOf(collection, page.position);
  if (page.kind === "reset") return { kind: "reset", checkpoint };
  const versions = page.versions.map((version) => versionOf<T>(version));
  return { kind: "page", versions, checkpoint, more: page.more };
}

/** Pages that are not empty, and resets, as they come; through failures of the store. */
export async function* watchOf<T>(
  context: RecordsContext,
  collection: string,
  options: WatchOptions,
): AsyncGenerator<Changes<T>, never, undefined> {
  const { backend, clock, call, closing } = context;
  const signal = checkSignal(options.signal);
  let { after = null } = options;
  positionOf(collection, after);
  let bell = new AbortController();
  const ring = (): void => bell.abort();
  const enders = signal === undefined ? [closing] : [closing, signal];
  for (const ender of enders) ender.addEventListener("abort", ring);
  let stop: (() => void) | undefined;
  let failures = 0;
  try {
    for (;;) {
      for (const ender of enders) ender.throwIfAborted();
      bell = new AbortController();
      let pauseMs = backend.watch === undefined ? POLL_MS : FALLBACK_MS;
      try {
        // Once the store is open, which a call sees to.
        stop ??= await call("watch", async () => backend.watch?.(collection, ring));
        const page = await changesOf<T>(context, collection, { ...options, after });
        failures = 0;
        after = page.checkpoint;
        if (page.kind === "reset" || page.versions.length > 0) {
          yield page;
          continue;
        }
      } catch (error) {
        if (!(error instanceof BackendError)) throw error;
        failures += 1;
        pauseMs = Math.min(RETRY_MAX_MS, POLL_MS * 2 ** Math.min(failures, 10)) * (0.5 + clock.random() / 2);
      }
      await sleep(clock, pauseMs, bell.signal).catch(() => undefined);
    }
  } finally {
    stop?.();
    for (const ender of enders) ender.removeEventListener("abort", ring);
  }
}

/** The field that tells whose checkpoint it is: taken for another collection's, changes would be skipped. */
const OF = "collection";

export function checkpointOf(collection: string, position: FeedPosition): Checkpoint {
  return { ...position, [OF]: collection };
}

export function positionOf(
  collection: string,
  checkpoint: Checkpoint | null | undefined,
): FeedPosition | null {
  if (checkpoint === null || checkpoint === undefined) return null;
  const fields = typeof checkpoint === "object" ? Object.entries(checkpoint) : [];
  if (fields.length === 0 || fields.some(([, text]) => typeof text !== "string")) {
    throw new TypeError("a checkpoint is what changes() or watch() gave, stored as it was");
  }
  if (checkpoint[OF] !== collection) {
    throw new RangeError(`this checkpoint is of "${String(checkpoint[OF])}", not of "${collection}"`);
  }
  return Object.fromEntries(fields.filter(([name]) => name !== OF));
}
