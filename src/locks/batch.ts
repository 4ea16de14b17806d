import type { Reply } from "../backend.ts";
import type { Clock } from "../clock.ts";
import { BackendError } from "../errors.ts";
import { emit } from "../events.ts";
import { CallWatch } from "./call-watch.ts";

interface Entry<Request, Result> {
  readonly request: Request;
  /** `sentAt` is local time before the call left, `now` the store's clock while it served it. */
  readonly answered: (result: Result, sentAt: number, now: number) => void;
  readonly failed: (error: BackendError) => void;
  /** Asked before it leaves: false drops it unheard. */
  readonly isWanted: (() => boolean) | undefined;
}

export interface BatchOptions<Request, Result> {
  readonly backend: string;
  readonly operation: string;
  /** Most requests in one call. */
  readonly callMax: number;
  readonly clock: Clock;
  /** How long a call may take before its outcome counts as unknown. */
  readonly callMs: number;
  /** Whether somebody awaits the answers, so that the process must not end before they are in. */
  readonly keepAlive: boolean;
  readonly call: (requests: readonly Request[]) => Promise<Reply<Result>>;
  /** Hears of every reply: a sample of the clock of the store where the request's lane is. */
  readonly sampled: (request: Request, sentAt: number, now: number) => void;
  /** Requests share a call only within a lane. */
  readonly lane: ((request: Request) => string) | undefined;
}

/**
 * One call per tick: what is asked for in one turn of the event loop travels together, at most
 * `callMax` requests a call. Every entry hears `answered` or, after `callMs` at the latest, `failed`;
 * an answer that comes later still is delivered too, because it may be good news.
 */
export class Batch<Request, Result> {
  readonly #watch: CallWatch;
  #entries: Entry<Request, Result>[] = [];

  constructor(readonly options: BatchOptions<Request, Result>) {
    this.#watch = new CallWatch(options.clock, options.callMs, options.keepAlive);
  }

  add(
    request: Request,
    answered: Entry<Request, Result>["answered"],
    failed: Entry<Request, Result>["failed"],
    isWanted?: () => boolean,
  ): void {
    this.#entries.push({ request, answered, failed, isWanted });
  }

  flush(): void {
    if (this.#entries.length === 0) return;
    const entries = this.#entries.filter(({ isWanted }) => isWanted === undefined || isWanted());
    this.#entries = [];
    const { callMax } = this.options;
    for (const lane of this.#lanes(entries)) {
      for (let from = 0; from < lane.length; from += callMax) {
        this.#send(lane.length <= callMax ? lane : lane.slice(from, from + callMax));
      }
    }
  }

  #lanes(entries: Entry<Request, Result>[]): Iterable<Entry<Request, Result>[]> {
    const { lane } = this.options;
    if (entries.length === 0) return [];
    if (lane === undefined || entries.length === 1) return [entries];
    const lanes = new Map<string, Entry<Request, Result>[]>();
    for (const entry of entries) {
      const name = lane(entry.request);
      const fellows = lanes.get(name);
      if (fellows === undefined) lanes.set(name, [entry]);
      else fellows.push(entry);
    }
    return lanes.values();
  }

  #send(entries: readonly Entry<Request, Result>[]): void {
    const { backend, operation, clock, callMs, call } = this.options;
    const sentAt = clock.now();
    let failed = false;
    const fail = (error: BackendError): void => {
      this.#watch.end(underWay);
      if (failed) return;
      failed = true;
      emit("backend.failed", () => ({ backend, operation, error }));
      for (const entry of entries) entry.failed(error);
    };
    const underWay = this.#watch.begin(() => {
      const detail = `no answer within ${callMs} ms`;
      fail(new BackendError(backend, operation, "unknown", { detail }));
    });
    call(entries.map((entry) => entry.request)).then(
      ({ now, results }) => {
        this.#watch.end(underWay);
        this.options.sampled(entries[0]!.request, sentAt, now);
        for (let i = 0; i < entries.length; i++) entries[i]!.answered(results[i]!, sentAt, now);
      },
      (cause: unknown) => fail(asBackendError(cause, backend, operation)),
    );
  }
}

export function asBackendError(cause: unknown, backend: string, operation: string): BackendError {
  return cause instanceof BackendError ? cause : new BackendError(backend, operation, "unknown", { cause });
}
