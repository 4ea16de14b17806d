import { JuteReader, JuteWriter, MalformedFrame } from "./jute.ts";

/** Operations, as numbered by the server (`ZooDefs.OpCode` of ZooKeeper 3.5 and later). */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  createContainer: 19,
  auth: 100,
  setWatches: 101,
  closeSession: -11,
} as const;

/** Ids of frames that no request numbers. */
export const XID = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** How a node is created (`CreateMode`). */
export const MODE = { persistent: 0, ephemeral: 1, ephemeralSequential: 3, container: 4 } as const;
export type Mode = (typeof MODE)[keyof typeof MODE];

export const PERMISSIONS_ALL = 31;

export interface Acl {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

export const OPEN_ACL: readonly Acl[] = [{ permissions: PERMISSIONS_ALL, scheme: "world", id: "anyone" }];
/** Only whoever has the credentials of this session. */
export const CREATOR_ACL: readonly Acl[] = [{ permissions: PERMISSIONS_ALL, scheme: "auth", id: "" }];

export interface Stat {
  /** Transaction that created the node, and the one that set its data last. */
  readonly czxid: number;
  readonly mzxid: number;
  readonly ctime: number;
  readonly version: number;
}

export type WatchKind = "created" | "deleted" | "changed" | "children";

export interface WatchEvent {
  readonly kind: WatchKind;
  readonly path: string;
}

/** By number; 0 is none. */
const WATCH_KINDS = [undefined, "created", "deleted", "changed", "children"] as const;

/** One step of a `multi`, all of whose steps take effect or none does. */
export type Step =
  | { readonly op: "check"; readonly path: string; readonly version?: number }
  | { readonly op: "delete"; readonly path: string; readonly version?: number }
  | { readonly op: "set"; readonly path: string; readonly data: Buffer; readonly version?: number }
  | { readonly op: "create"; readonly path: string; readonly data: Buffer; readonly mode: Mode };

/** What became of a `multi`. `zxid` is the id of its transaction, and so of every node that it created. */
export interface MultiResult {
  readonly zxid: number;
  /** The server's code for each step; 0 if that step was not to blame. */
  readonly errors: readonly number[];
}

export interface ConnectRequest {
  readonly lastZxid: number;
  readonly timeoutMs: number;
  readonly sessionId: Buffer;
  readonly password: Buffer;
}

export interface ConnectReply {
  /** 0 or less: the session has expired. */
  readonly timeoutMs: number;
  readonly sessionId: Buffer;
  readonly password: Buffer;
}

export const NO_SESSION: Buffer = Buffer.alloc(8);
export const NO_PASSWORD: Buffer = Buffer.alloc(16);
const ANY_VERSION = -1;

export function connectRequest({ lastZxid, timeoutMs, sessionId, password }: ConnectRequest): Buffer {
  const writer = new JuteWriter().int(0).long(lastZxid).int(timeoutMs).raw(sessionId).buffer(password);
  // No read-only session: a server without a quorum cannot keep a lock.
  return writer.bool(false).frame();
}

export function connectReply(frame: Buffer): ConnectReply {
  const reader = new JuteReader(frame);
  reader.int();
  const timeoutMs = reader.int();
  const sessionId = Buffer.from(reader.raw(8));
  return { timeoutMs, sessionId, password: reader.buffer() };
}

/** A request's frame. */
export function request(xid: number, op: number, body?: (writer: JuteWriter) => void): Buffer {
  const writer = new JuteWriter().int(xid).int(op);
  body?.(writer);
  return writer.frame();
}

/** `user:password`. */
export function authRequest(digest: string): Buffer {
  return request(XID.auth, OP.auth, (writer) => writer.int(0).text("digest").buffer(Buffer.from(digest)));
}

export function writeCreate(
  writer: JuteWriter,
  path: string,
  data: Buffer,
  acl: readonly Acl[],
  mode: Mode,
): void {
  writer.text(path).buffer(data);
  writer.vector(acl, ({ permissions, scheme, id }) => writer.int(permissions).text(scheme).text(id));
  writer.int(mode);
}

export function writeSteps(writer: JuteWriter, steps: readonly Step[], acl: readonly Acl[]): void {
  for (const step of steps) {
    writer.int(STEP_OPS[step.op]).bool(false).int(-1);
    if (step.op === "create") {
      writeCreate(writer, step.path, step.data, acl, step.mode);
      continue;
    }
    writer.text(step.path);
    if (step.op === "set") writer.buffer(step.data);
    writer.int(step.version ?? ANY_VERSION);
  }
  writer.int(-1).bool(true).int(-1);
}

const STEP_OPS = { check: OP.check, delete: OP.delete, set: OP.setData, create: OP.create2 } as const;

export function readSteps(reader: JuteReader, zxid: number): MultiResult {
  const errors: number[] = [];
  for (;;) {
    const op = reader.int();
    const isLast = reader.bool();
    reader.int();
    if (isLast) return { zxid, errors };
    errors.push(op === ERROR_RESULT ? reader.int() : 0);
    if (op === ERROR_RESULT) continue;
    const skip = RESULTS[op];
    if (skip === undefined) throw new MalformedFrame(`a result of operation ${op} in a multi`);
    skip(reader);
  }
}

const ERROR_RESULT = -1;

/** What stands in a result besides its kind. Servers answer a create2 of a multi as create: by its path. */
const RESULTS: Readonly<Record<number, (reader: JuteReader) => unknown>> = {
  [OP.create]: (reader) => reader.text(),
  [OP.create2]: (reader) => [reader.text(), readStat(reader)],
  [OP.setData]: (reader) => readStat(reader),
  [OP.check]: () => undefined,
  [OP.delete]: () => undefined,
};

export function readStat(reader: JuteReader): Stat {
  const czxid = reader.long();
  const mzxid = reader.long();
  const ctime = reader.long();
  reader.raw(8); // time of the last change
  const version = reader.int();
  // Versions of children and rights, owner, length of data, number of children, their last change.
  reader.raw(4 + 4 + 8 + 4 + 4 + 8);
  return { czxid, mzxid, ctime, version };
}

/** Null: an event of a kind that nobody asks for, such as the server's view of the connection. */
export function readEvent(reader: JuteReader): WatchEvent | null {
  const kind = WATCH_KINDS[reader.int()];
  reader.int();
  const path = reader.text();
  return kind === undefined ? null : { kind, path };
}
