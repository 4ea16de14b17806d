import { MalformedFrame } from "./jute.ts";

/**
 * Largest frame that is taken. Servers refuse requests beyond 1 MiB (`jute.maxbuffer`), but may answer with
 * a longer list of children.
 */
const FRAME_MAX = 16 * 1024 * 1024;

/** Cuts a stream of bytes into frames: four bytes of length, then so many bytes. */
export class Frames {
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = -1;

  /** Calls `take` for each frame that is complete now. @throws MalformedFrame on an impossible length. */
  push(chunk: Buffer, take: (frame: Buffer) => void): void {
    let rest = chunk;
    for (;;) {
      const need = this.#wanted < 0 ? 4 : this.#wanted;
      if (this.#held + rest.length < need) {
        if (rest.length > 0) this.#chunks.push(rest);
        this.#held += rest.length;
        return;
      }
      const missing = need - this.#held;
      const part = this.#joined(rest.subarray(0, missing));
      rest = rest.subarray(missing);
      if (this.#wanted < 0) {
        this.#wanted = part.readInt32BE(0);
        if (this.#wanted < 0 || this.#wanted > FRAME_MAX) {
          throw new MalformedFrame(`a frame of ${this.#wanted} bytes; 0 to ${FRAME_MAX} are taken`);
        }
      } else {
        this.#wanted = -1;
        take(part);
      }
    }
  }

  #joined(last: Buffer): Buffer {
    if (this.#held === 0) return last;
    const whole = Buffer.concat([...this.#chunks, last]);
    this.#chunks = [];
    this.#held = 0;
    return whole;
  }
}
