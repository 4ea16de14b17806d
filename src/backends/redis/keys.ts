import { slotOf } from "./slot.ts";

/**
 * A name inside a hash tag. Braces would end the tag elsewhere; escaped, they neither do so nor let two names meet.
 */
export const tagged = (name: string): string =>
  /[%{}]/.test(name) ? name.replace(/[%{}]/g, (char) => ESCAPES[char as keyof typeof ESCAPES]) : name;

const untagged = (text: string): string =>
  text.includes("%") ? text.replace(/%25|%7b|%7d/g, (code) => String.fromCharCode(parseInt(code.slice(1), 16))) : text;

const ESCAPES = { "%": "%25", "{": "%7b", "}": "%7d" } as const;

const LOCK_END = "}:lock";

/** Where everything of one namespace is kept. */
export class Keys {
  /** A process's channel is this and its id. */
  readonly channels: string;
  readonly #locks: string;
  readonly #records: string;

  constructor(namespace: string) {
    const own = tagged(namespace);
    this.channels = `${own}:push:`;
    this.#locks = `${own}:{`;
    this.#records = `${own}:{r:`;
  }

  /** The one key that has all there is to know of a lock. */
  lock(resource: string): string {
    return this.#locks + tagged(resource) + LOCK_END;
  }

  /** The resource that a lock's key is about. */
  resource(lockKey: string): string {
    return untagged(lockKey.slice(this.#locks.length, -LOCK_END.length));
  }

  /** A glob of the keys of all locks on resources with this prefix, and perhaps of some records. */
  locks(prefix: string): string {
    return `${(this.#locks + tagged(prefix)).replace(/[\\*?[\]^]/g, "\\$&")}*${LOCK_END}`;
  }

  isLock(key: string): boolean {
    return key.startsWith(this.#locks) && key.indexOf("}") === key.length - LOCK_END.length;
  }

  /** Begins all keys of a bucket of records, which share a slot. */
  bucket(collection: string, bucket: number): string {
    return `${this.#records}${tagged(collection)}:${bucket}}:`;
  }
}

/** The part of a cluster, in which one step may touch several keys. */
export const laneOf = (key: string): string => String(slotOf(key));
