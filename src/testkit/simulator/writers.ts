import type { AdmitRequest, Entry, Fence, Guarantees, Step, Write } from "../../backend.ts";
import type { Dice } from "./dice.ts";
import type { Script } from "./script.ts";

const KEYS = ["k", "k1", "é"];
const NAMES = ["email", "stage"];
const READERS = 2;
/** Larger than any program's feed: where a feed has parts, a page that is cut short may end anywhere. */
const ALL_CHANGES = 1_000;

/** What the processes of a program do to records, guarded by the leases they have, or had. */
export class Writers {
  readonly #script: Script;
  readonly #dice: Dice;
  readonly #locks: readonly string[];
  readonly #guarantees: Guarantees;
  #fences: Fence[] = [];
  #made: Write[] = [];
  #revisions: string[] = ["never was"];
  #count = 0;

  constructor(script: Script, dice: Dice, locks: readonly string[], guarantees: Guarantees) {
    this.#script = script;
    this.#dice = dice;
    this.#locks = locks;
    this.#guarantees = guarantees;
  }

  /** A lease was granted under this token. */
  learn(resource: string, token: number, { permits, capacity }: AdmitRequest): void {
    this.#fences.push({ resource, token: BigInt(token) * 1_024n, shared: permits < capacity });
  }

  /** What was done before is not repeated, and tokens from before are not used again. */
  forget(): void {
    this.#fences = [];
    this.#made = [];
  }

  act(process: number): void {
    const dice = this.#dice;
    const several = this.#guarantees.writes === "any" ? 12 : 0;
    const act = dice.weighted({ write: 52, several, replay: 10, look: 22, prune: 4 });
    if (act === "look") return this.#look(process);
    if (act === "prune") return this.#prune(process);
    if (act === "replay" && this.#made.length > 0) {
      const made = dice.one(this.#made.slice(-8));
      return this.#script.write(process, [dice.chance(0.3) ? this.#partly(made) : made], "a replay");
    }
    const keys = act === "several" ? KEYS.slice(0, dice.between(2, 3)) : [dice.one(KEYS)];
    const writes = keys.map((key) => this.#write(key));
    this.#made.push(...writes);
    this.#script.write(process, writes, "writes");
  }

  #look(process: number): void {
    const dice = this.#dice;
    const key = dice.one(KEYS);
    const limit = dice.one([1, 3, 100]);
    const revision = dice.one(this.#revisions.slice(-12));
    switch (dice.weighted({ read: 30, scan: 8, find: 16, history: 14, version: 8, changes: 24 })) {
      case "read":
        return this.#script.read(process, key);
      case "scan":
        return this.#script.scan(process);
      case "find": {
        const where = dice.one([{}, { equals: "a" }, { prefix: "a" }, { after: { value: "a", key } }]);
        return this.#script.find(process, { name: dice.one(NAMES), limit, ...where });
      }
      case "history":
        return this.#script.history(process, key, {
          limit,
          ...(dice.chance(0.3) ? { after: revision } : {}),
        });
      case "version":
        return this.#script.version(process, key, revision);
      case "changes": {
        const most = this.#guarantees.feed === "total" ? limit : ALL_CHANGES;
        return this.#script.changes(process, dice.between(0, READERS - 1), most);
      }
    }
  }

  #prune(process: number): void {
    const dice = this.#dice;
    const request = {
      before: this.#script.now - dice.one([-1, 0, 50, 500]),
      keep: dice.between(1, 4),
      limit: ALL_CHANGES,
    };
    this.#script.prune(process, request, dice.one([[], [0], [1], [0, 1], [1, 0]]));
  }

  #write(key: string): Write {
    const dice = this.#dice;
    const fence = this.#fence();
    const isAbsent = this.#script.records.read(key) === null;
    const ifRevision = this.#condition(key);
    const combines = ifRevision !== undefined && dice.chance(0.25);
    // No step of several deletes what does not exist: every other one may.
    const earlier = combines ? this.#steps(dice.between(1, 3), isAbsent) : undefined;
    const wasDeleted = earlier === undefined ? false : earlier.at(-1)!.value === null;
    return {
      collection: this.#script.collection,
      key,
      ...(ifRevision === undefined ? {} : { ifRevision }),
      ...(earlier === undefined ? {} : { earlier }),
      ...this.#step(!wasDeleted && dice.chance(0.2)),
      ...(dice.chance(0.5) ? { entries: this.#entries() } : {}),
      ...(fence === undefined ? {} : { fence }),
    };
  }

  #steps(count: number, isAbsent: boolean): readonly Step[] {
    const steps: Step[] = [];
    for (let canDelete = !isAbsent; steps.length < count;) {
      const deletes = canDelete && this.#dice.chance(0.3);
      steps.push(this.#step(deletes));
      canDelete = !deletes;
    }
    return steps;
  }

  #step(deletes: boolean): Step {
    const dice = this.#dice;
    const revision = `${this.#script.seed}r${(this.#count += 1)}`;
    this.#revisions.push(revision);
    return {
      value: deletes ? null : `{"n":${(this.#count += 1)}}`,
      revision,
      opId: `${this.#script.seed}.${(this.#count += 1)}`,
      ...(dice.chance(0.5) ? { author: dice.one(["ann", "bob"]) } : {}),
      ...(dice.chance(0.2) ? { reason: "because" } : {}),
      ...(dice.chance(0.2) ? { messages: `["${this.#count}"]` } : {}),
      ...(dice.chance(0.1) ? { merges: ["elsewhere"] } : {}),
    };
  }

  /** The same step, named otherwise, before or after one that is to be made with it. */
  #partly(made: Write): Write {
    const { earlier: _, ...last } = made;
    if (last.value === null || last.ifRevision === undefined) return made;
    const other = this.#step(false);
    return this.#dice.chance(0.5) ? { ...last, earlier: [other] } : { ...last, earlier: [last], ...other };
  }

  #entries(): readonly Entry[] {
    const dice = this.#dice;
    const entries: Entry[] = [];
    if (dice.chance(0.6))
      entries.push({ name: "email", value: dice.one(["a", "a2", "é", ""]), unique: true });
    if (dice.chance(0.6)) entries.push({ name: "stage", value: dice.one(["a", "b"]), unique: false });
    if (dice.chance(0.3)) entries.push({ name: "stage", value: "a\u0000", unique: false });
    return entries;
  }

  /** Often the present revision, sometimes absence, an old one, or no condition. */
  #condition(key: string): string | null | undefined {
    const present = this.#script.records.read(key)?.revision ?? null;
    const choice = this.#dice.weighted({ present: 50, absent: 10, old: 10, none: 30 });
    if (choice === "none") return undefined;
    if (choice === "absent") return null;
    return choice === "old" ? this.#dice.one(this.#revisions) : present;
  }

  #fence(): Fence | undefined {
    const dice = this.#dice;
    if (dice.chance(0.4)) return undefined;
    const own = dice.chance(0.7) ? this.#fences.slice(-6) : this.#fences;
    if (own.length === 0 || dice.chance(0.15)) {
      const resource = dice.one([`${this.#locks[0]} elsewhere`, "another store's"]);
      return { resource, token: BigInt(dice.between(1, 5_000)), shared: dice.chance(0.2) };
    }
    const fence = dice.one(own);
    return { ...fence, token: fence.token + BigInt(dice.one([0, 0, 1, 7])) };
  }
}
