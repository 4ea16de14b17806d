import { systemClock, type Cancel } from "../../clock.ts";
import { Reopening } from "../../reopening.ts";
import type { Gateway, Stream } from "./gateway.ts";
import { range, type KeyValue } from "./transaction.ts";

/** When something must have happened and the watch has not told for so long, it is dead. */
const LAG_MS = 1_500;

export interface Event {
  /** Left out for a put. */
  readonly type?: "DELETE";
  readonly kv: KeyValue;
}

interface Line {
  readonly result?: {
    readonly header?: { readonly revision: string };
    readonly created?: boolean;
    readonly canceled?: boolean;
    readonly compact_revision?: string;
    readonly events?: readonly Event[];
  };
  readonly error?: { readonly message?: string; readonly grpc_code?: number };
}

export interface Watcher {
  /** In order, and all of one revision together. */
  events(revision: number, events: readonly Event[]): void;
  /** Events are lost: the revision from which on they will be told. */
  resync(): Promise<number>;
}

/**
 * One watch over a prefix, for as long as the process lives. It is begun at the revision after the last one
 * seen: a watch that begins in the past is served by a loop that etcd runs every 100 ms
 * (`syncWatchersLoop`, server/mvcc/watchable_store.go).
 */
export class Watch {
  #stream: Stream | undefined;
  #seen = 0;
  #lines = 0;
  #cancelSuspicion: Cancel | undefined;
  readonly #reopening = new Reopening(() => this.#reopen());

  constructor(
    private readonly gateway: Gateway,
    private readonly prefix: string,
    private readonly watcher: Watcher,
  ) {}

  /** Resolves once events behind that revision will be told. */
  async open(revision: number): Promise<void> {
    this.#seen = revision;
    await this.#begin();
  }

  /** The last revision that it has told of. */
  get seen(): number {
    return this.#seen;
  }

  /** Something has happened that the watch is to tell of, or already has. */
  suspect(): void {
    if (this.#cancelSuspicion !== undefined || this.#reopening.isClosed) return;
    const lines = this.#lines;
    this.#cancelSuspicion = systemClock.timer(
      LAG_MS,
      () => {
        this.#cancelSuspicion = undefined;
        if (this.#lines === lines) this.#renew();
      },
      { keepAlive: false },
    );
  }

  close(): void {
    this.#reopening.close();
    this.#cancelSuspicion?.();
    this.#stream?.close();
  }

  #renew(): void {
    this.gateway.moveOn();
    this.#stream?.close();
  }

  #begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      let isCreated = false;
      let isCanceled = false;
      const over = (why: Error): void => {
        if (this.#stream === stream) this.#stream = undefined;
        if (isCreated) this.#reopening.ended();
        else reject(why);
      };
      let stream: Stream | undefined;
      const create = { ...range(this.prefix), start_revision: String(this.#seen + 1) };
      this.gateway
        .stream(
          "/v3/watch",
          { create_request: create },
          (text) => {
            const line = JSON.parse(text) as Line;
            this.#lines += 1;
            if (line.result?.created === true) {
              isCreated = true;
              resolve();
            }
            if (line.error !== undefined || line.result?.canceled === true) {
              // What happened up to then was compacted away: see what there is.
              if (Number(line.result?.compact_revision ?? 0) > 0) this.#seen = 0;
              isCanceled = true;
              return stream?.close();
            }
            if (line.result?.events !== undefined) this.#tell(line.result.events);
          },
          over,
        )
        .then((begun) => {
          stream = begun;
          if (this.#reopening.isClosed || isCanceled) begun.close();
          else this.#stream = begun;
        }, reject);
    });
  }

  #tell(events: readonly Event[]): void {
    const byRevision = new Map<number, Event[]>();
    for (const event of events) {
      const revision = Number(event.kv.mod_revision);
      const group = byRevision.get(revision);
      if (group === undefined) byRevision.set(revision, [event]);
      else group.push(event);
    }
    for (const [revision, group] of byRevision) {
      this.#seen = Math.max(this.#seen, revision);
      this.watcher.events(revision, group);
    }
  }

  async #reopen(): Promise<void> {
    try {
      if (this.#seen === 0) this.#seen = await this.watcher.resync();
      await this.#begin();
    } catch (error) {
      this.gateway.moveOn();
      throw error;
    }
  }
}
