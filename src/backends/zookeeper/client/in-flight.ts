import { MalformedFrame, type JuteReader } from "./jute.ts";

/** A request, and who waits for its answer. */
export interface Pending {
  readonly xid: number;
  readonly frame: Buffer;
  readonly what: string;
  /** Whether a quorum has to agree before it is answered. */
  readonly isWrite: boolean;
  readonly read: (reader: JuteReader, zxid: number) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** When it was asked for, and when it left. */
  readonly askedAt: number;
  sentAt: number;
}

/** How many answered requests are kept before the array is shortened: that is dear for a long one. */
const SHORTEN_AT = 1_024;

/** Requests that have left, in order, as they will be answered. */
export class InFlight {
  #requests: Pending[] = [];
  #first = 0;

  add(pending: Pending): void {
    this.#requests.push(pending);
  }

  /** The request that is answered. @throws MalformedFrame if it is not the one whose turn it is */
  answered(xid: number): Pending {
    const pending = this.#requests[this.#first];
    if (pending?.xid !== xid) throw new MalformedFrame(`an answer to ${xid}, not ${String(pending?.xid)}`);
    this.#first += 1;
    if (this.#first === this.#requests.length || this.#first === SHORTEN_AT) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
    return pending;
  }

  /** All that will not be answered any more. */
  drain(): readonly Pending[] {
    const left = this.#requests.slice(this.#first);
    this.#requests = [];
    this.#first = 0;
    return left;
  }
}
