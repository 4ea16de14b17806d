import { slotOf } from "./slot.ts";

const ESCAPES: Readonly<Record<string, string>> = { "%": "%25", "{": "%7b", "}": "%7d" };

/**
 * A name inside a hash tag. Braces, which would end it elsewhere, are escaped; no two names meet.
 */
export function tagged(name: string): string {
  return /[%{}]/.test(name) ? name.replace(/[%{}]/g, (char) => ESCAPES[char] ?? char) : name;
}

function untagged(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%(25|7b|7d)/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

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
    this.#records = `${own}:{r2:`;
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

  /**
   * Begins all keys of a bucket of records, which share a slot. The digit is of the form in which
   * they are kept: another form is never mistaken for this one.
   */
  bucket(collection: string, bucket: number): string {
    return `${this.#records}${tagged(collection)}:${bucket}}:`;
  }
}

/** The part of a cluster, in which one step may touch several keys. */
export const laneOf = (key: string): string => String(slotOf(key));
