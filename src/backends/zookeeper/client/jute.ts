/** Bytes that do not follow the protocol. The connection they came over cannot be trusted any more. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

const HIGH = 0x1_0000_0000;

/**
 * Writes ZooKeeper's serialisation ("jute"): big-endian numbers, and text and vectors behind their length.
 * The first four bytes are left for the length of the frame.
 */
export class JuteWriter {
  #bytes = Buffer.allocUnsafe(256);
  #at = 4;

  int(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  /** A number below 2^53, which transaction ids are. */
  long(value: number): this {
    this.#room(8);
    this.#bytes.writeInt32BE(Math.floor(value / HIGH) | 0, this.#at);
    this.#bytes.writeUInt32BE(((value % HIGH) + HIGH) % HIGH, this.#at + 4);
    this.#at += 8;
    return this;
  }

  bool(value: boolean): this {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value ? 1 : 0, this.#at);
    return this;
  }

  text(value: string): this {
    // Three bytes for each UTF-16 unit is the most that UTF-8 takes.
    this.#room(4 + value.length * 3);
    const length = this.#bytes.write(value, this.#at + 4, "utf8");
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
    return this;
  }

  buffer(value: Buffer): this {
    this.#room(4 + value.length);
    this.#at = this.#bytes.writeInt32BE(value.length, this.#at);
    this.#at += value.copy(this.#bytes, this.#at);
    return this;
  }

  /** Bytes without a length, such as a session id. */
  raw(value: Buffer): this {
    this.#room(value.length);
    this.#at += value.copy(this.#bytes, this.#at);
    return this;
  }

  vector<T>(items: readonly T[], write: (item: T) => void): this {
    this.int(items.length);
    items.forEach(write);
    return this;
  }

  /** The finished frame, length in front. */
  frame(): Buffer {
    this.#bytes.writeInt32BE(this.#at - 4, 0);
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Reads one frame. Every step checks that the bytes are there: @throws MalformedFrame */
export class JuteReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  int(): number {
    return this.bytes.readInt32BE(this.#take(4));
  }

  /** Within 2^53, which holds for transaction ids up to epoch 2^21, and for times. */
  long(): number {
    const at = this.#take(8);
    const value = this.bytes.readInt32BE(at) * HIGH + this.bytes.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) throw new MalformedFrame(`${value} is beyond 2^53`);
    return value;
  }

  bool(): boolean {
    return this.bytes[this.#take(1)] !== 0;
  }

  raw(length: number): Buffer {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  text(): string {
    const length = this.#length();
    const at = this.#take(length);
    return this.bytes.toString("utf8", at, at + length);
  }

  /** A copy, so that a small value does not keep a large frame in memory. */
  buffer(): Buffer {
    return Buffer.from(this.raw(this.#length()));
  }

  /** `least`: bytes that one item takes at least, so that a wrong count is noticed before memory is taken. */
  vector<T>(least: number, read: () => T): T[] {
    const count = this.#length();
    if (count * least > this.left) {
      throw new MalformedFrame(`${count} items do not fit in ${this.left} bytes`);
    }
    const items: T[] = [];
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }

  /** A length of -1 stands for null, which is taken for empty. */
  #length(): number {
    const length = this.int();
    if (length < -1) throw new MalformedFrame(`a length of ${length}`);
    return Math.max(length, 0);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.bytes.length) {
      throw new MalformedFrame(`${bytes} bytes wanted at ${at} of ${this.bytes.length}`);
    }
    this.#at = at + bytes;
    return at;
  }
}
