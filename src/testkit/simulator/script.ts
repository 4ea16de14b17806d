import type { Admission, AdmitRequest, EntryPage, Guarantees, PruneRequest, Write } from "../../backend.ts";
import { LockModel, type ModelProcess, type Push } from "./lock-model.ts";
import { PROCESSES, type Entry, type Program, type Step } from "./program.ts";
import { RecordModel } from "./record-model.ts";

/** Where every program's clock starts, ms since 1970. */
const EPOCH = 1_700_000_000_000;

/** Writes a program down, step by step, asking the models for each answer. */
export class Script {
  readonly locks = new LockModel();
  readonly records: RecordModel;
  readonly prefix: string;
  readonly collection: string;
  readonly #entries: Entry[] = [];
  readonly #pushes: Push[] = [];
  #stepsBack = false;

  constructor(
    readonly seed: number,
    guarantees: Guarantees,
  ) {
    this.prefix = `s${seed}:`;
    this.collection = `c${seed}`;
    this.records = new RecordModel((resource, token) =>
      guarantees.fencing === "grant" ? this.locks.fencesOff(resource, token) : false,
    );
    this.now = EPOCH;
  }

  get now(): number {
    return this.locks.now;
  }

  set now(ms: number) {
    if (ms < this.locks.now) this.#stepsBack = true;
    this.locks.now = this.records.now = ms;
  }

  get length(): number {
    return this.#entries.length;
  }

  admit(process: number, requests: readonly AdmitRequest[], why: string): readonly Admission[] {
    const results = requests.map((request) => this.locks.admit(processAt(process), request));
    this.#add({ do: "admit", process, requests }, why, { now: this.now, results });
    return results;
  }

  renew(process: number, requests: readonly AdmitRequest[], why: string): readonly string[] {
    const asked = requests.map(({ resource, leaseId, ttlMs }) => ({ resource, leaseId, ttlMs }));
    const results = asked.map((request) => this.locks.renew(request));
    this.#add({ do: "renew", process, requests: asked }, why, { now: this.now, results });
    return results.map(({ kind }) => kind);
  }

  release(process: number, requests: readonly AdmitRequest[], why: string): void {
    const asked = requests.map(({ resource, leaseId }) => ({ resource, leaseId }));
    const results = asked.map((request) => this.locks.release(request));
    this.#add({ do: "release", process, requests: asked }, why, { now: this.now, results });
  }

  revoke(process: number, resource: string, leaseId?: string): void {
    const request = {
      resource,
      ...(leaseId === undefined ? {} : { leaseId }),
      reason: `because of ${this.length}`,
      by: processAt(process).owner,
    };
    this.#add({ do: "revoke", process, request }, "an operator", this.locks.revoke(request));
  }

  inspect(process: number, resource: string): void {
    const expected = this.locks.inspect(resource);
    this.#add({ do: "inspect", process, resource }, "a look", expected);
  }

  list(process: number, resources: readonly string[]): void {
    const used = resources.map((resource) => this.locks.inspect(resource));
    const expected = used.filter(({ places }) => places.length > 0);
    this.#add({ do: "list", process, prefix: this.prefix }, "a look at all", expected);
  }

  write(process: number, writes: readonly Write[], why: string): void {
    this.#add({ do: "write", process, writes }, why, this.records.write(writes));
  }

  read(process: number, key: string): void {
    const { collection } = this;
    this.#add({ do: "read", process, collection, key }, "a read", this.records.read(key));
  }

  scan(process: number): void {
    const { collection } = this;
    this.#add({ do: "scan", process, collection }, "a scan", this.records.scan());
  }

  find(process: number, page: EntryPage): void {
    const { collection } = this;
    this.#add({ do: "find", process, collection, page }, "a search", this.records.find(page));
  }

  history(process: number, key: string, page: { readonly after?: string; readonly limit: number }): void {
    const { collection } = this;
    const expected = this.records.history(key, page);
    this.#add({ do: "history", process, collection, key, page }, "a look back", expected);
  }

  version(process: number, key: string, revision: string): void {
    const { collection } = this;
    const expected = this.records.version(key, revision);
    this.#add({ do: "version", process, collection, key, revision }, "a look back", expected);
  }

  changes(process: number, reader: number, limit: number): void {
    const { collection } = this;
    const expected = this.records.changes(reader, limit);
    this.#add({ do: "changes", process, collection, reader, limit }, "a reader", expected);
  }

  prune(process: number, rest: Omit<PruneRequest, "collection" | "upTo">, readers: readonly number[]): void {
    const request = { collection: this.collection, ...rest };
    const expected = this.records.prune(request, readers);
    this.#add({ do: "prune", process, request, readers }, "pruning", expected);
  }

  /** Grants that were handed over since the last time this was asked. */
  takeGrants(): readonly Extract<Push, { readonly kind: "granted" }>[] {
    const pushes = this.locks.pushes;
    this.locks.pushes = [];
    this.#pushes.push(...pushes);
    return pushes.filter((push) => push.kind === "granted");
  }

  end(): Program {
    this.takeGrants();
    const { seed } = this;
    return { seed, entries: this.#entries, pushes: this.#pushes, stepsBack: this.#stepsBack };
  }

  #add(step: Step, why: string, expected: unknown): void {
    this.#entries.push({ now: this.now, why, step, expected });
  }
}

export function processAt(index: number): ModelProcess {
  const process = PROCESSES[index];
  if (process === undefined) throw new RangeError(`there is no process ${index}`);
  return process;
}
