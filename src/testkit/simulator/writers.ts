import type { AdmitRequest, Fence, Guarantees, Write } from "../../backend.ts";
import type { Dice } from "./dice.ts";
import type { Script } from "./script.ts";

const KEYS = ["k", "k1", "é"];

/** What the processes of a program do to records, guarded by the leases they have, or had. */
export class Writers {
  readonly #script: Script;
  readonly #dice: Dice;
  readonly #locks: readonly string[];
  readonly #several: boolean;
  #fences: Fence[] = [];
  #made: Write[] = [];
  #count = 0;

  constructor(script: Script, dice: Dice, locks: readonly string[], guarantees: Guarantees) {
    this.#script = script;
    this.#dice = dice;
    this.#locks = locks;
    this.#several = guarantees.writes === "any";
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
    const act = dice.weighted({ write: 60, several: this.#several ? 12 : 0, replay: 10, read: 14, scan: 4 });
    if (act === "read") return this.#script.read(process, dice.one(KEYS));
    if (act === "scan") return this.#script.scan(process);
    if (act === "replay" && this.#made.length > 0) {
      return this.#script.write(process, [dice.one(this.#made.slice(-4))], "a replay");
    }
    const keys = act === "several" ? KEYS.slice(0, dice.between(2, 3)) : [dice.one(KEYS)];
    const writes = keys.map((key) => this.#write(key));
    this.#made.push(...writes);
    this.#script.write(process, writes, "writes");
  }

  #write(key: string): Write {
    const dice = this.#dice;
    const fence = this.#fence();
    const ifRevision = this.#condition(key);
    return {
      collection: this.#script.collection,
      key,
      value: dice.chance(0.2) ? null : `{"n":${(this.#count += 1)}}`,
      ...(ifRevision === undefined ? {} : { ifRevision }),
      opId: `${this.#script.seed}.${(this.#count += 1)}`,
      ...(dice.chance(0.5) ? { author: dice.one(["ann", "bob"]) } : {}),
      ...(fence === undefined ? {} : { fence }),
    };
  }

  /** Often the present revision, sometimes absence, an old one, or no condition. */
  #condition(key: string): string | null | undefined {
    const present = this.#script.records.read(key)?.revision ?? null;
    const choice = this.#dice.weighted({ present: 50, absent: 10, old: 10, none: 30 });
    if (choice === "none") return undefined;
    if (choice === "absent") return null;
    const number = Number(present?.split("#").at(-1) ?? 0);
    return choice === "old" && number > 1 ? `${key}#${this.#dice.between(1, number - 1)}` : present;
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
