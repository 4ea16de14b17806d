import { slotOf } from "./slot.ts";

/** What would end a hash tag early, what marks an escape, and halves of surrogate pairs, which UTF-8 lacks. */
const UNSAFE_IN_TAG = /[%{}\ud800-\udfff]/u;
const UNSAFE = /[%\ud800-\udfff]/u;

/**
 * Names in keys. Every name survives the way there and back, and two names never meet: what cannot stand in a
 * key as it is, is escaped. Escaping keeps the order of names that UTF-8 can express.
 */
function escape(name: string, unsafe: RegExp): string {
  if (!unsafe.test(name)) return name;
  return name.replace(new RegExp(unsafe, "gu"), (char) => {
    const code = char.charCodeAt(0);
    return code < 0x80
      ? `%${code.toString(16).padStart(2, "0")}`
      : `%u${code.toString(16).padStart(4, "0")}`;
  });
}

export function unescape(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/g, (_, wide?: string, narrow?: string) =>
    String.fromCharCode(parseInt(wide ?? narrow ?? "", 16)),
  );
}

/** A name inside a hash tag. */
export const tagged = (name: string): string => escape(name, UNSAFE_IN_TAG);

/** A name outside of the hash tag, where braces do no harm. */
export const plain = (name: string): string => escape(name, UNSAFE);

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
    return `${this.#locks}${tagged(resource)}${LOCK_END}`;
  }

  /** The resource that a lock's key is about. */
  resource(lockKey: string): string {
    return unescape(lockKey.slice(this.#locks.length, -LOCK_END.length));
  }

  /** Among the keys that match {@link locks} may be those of records with hostile names. */
  isLock(key: string): boolean {
    return key.startsWith(this.#locks) && key.indexOf("}") === key.length - LOCK_END.length;
  }

  /** A glob of the keys of locks on resources with this prefix, and perhaps of some more. */
  locks(prefix: string): string {
    const whole = prefix.replace(/[\ud800-\udfff].*$/su, "");
    return `${`${this.#locks}${tagged(whole)}`.replace(/[\\*?[\]^]/g, "\\$&")}*${LOCK_END}`;
  }

  /** Begins all keys of a bucket, which share a slot. */
  bucket(collection: string, bucket: number): string {
    return `${this.#records}${tagged(collection)}:${bucket}}:`;
  }
}

const LOCK_END = "}:lock";

/** The part of a cluster, in which one step may touch several keys. */
export const laneOf = (key: string): string => String(slotOf(key));
