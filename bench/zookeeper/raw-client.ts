import { connect, type Socket } from "node:net";

/** As little as it takes to make an ephemeral sequential node and to delete it: the floor for a lock. */
export class RawClient {
  #received = Buffer.alloc(0);
  #waiting: ((frame: Buffer) => void)[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
        const end = 4 + this.#received.readInt32BE(0);
        this.#waiting.shift()?.(this.#received.subarray(4, end));
        this.#received = this.#received.subarray(end);
      }
    });
  }

  static async open(address: string): Promise<RawClient> {
    const [host, port] = address.split(":");
    const socket = await new Promise<Socket>((resolve, reject) => {
      const opening = connect(Number(port), host, () => resolve(opening)).setNoDelay(true);
      opening.once("error", reject);
    });
    const client = new RawClient(socket);
    // Version, last transaction, timeout, no session, no password, not read-only.
    const nobody = [Buffer.alloc(8), text("\0".repeat(16))];
    await client.#ask([int(0), Buffer.alloc(8), int(10_000), ...nobody, Buffer.alloc(1)]);
    return client;
  }

  /** A persistent node; that it is there already is fine. */
  async make(path: string): Promise<void> {
    await this.#ask([int(1), int(1), text(path), text(""), OPEN, int(0)]);
  }

  async createSequential(prefix: string, data: string): Promise<string> {
    const frame = await this.#ask([int(1), int(15), text(prefix), text(data), OPEN, int(3)]);
    if (frame.readInt32BE(12) !== 0) throw new Error(`create was answered ${frame.readInt32BE(12)}`);
    return frame.toString("utf8", 20, 20 + frame.readInt32BE(16));
  }

  async delete(path: string): Promise<void> {
    await this.#ask([int(1), int(2), text(path), int(-1)]);
  }

  close(): void {
    this.socket.destroy();
  }

  #ask(parts: readonly Buffer[]): Promise<Buffer> {
    const body = Buffer.concat(parts);
    this.socket.write(Buffer.concat([int(body.length), body]));
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);

/** All rights to everybody. */
const OPEN = Buffer.concat([int(1), int(31), text("world"), text("anyone")]);
