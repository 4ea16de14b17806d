import {
  CREATOR_ACL,
  MODE,
  OPEN_ACL,
  OP,
  readStat,
  readSteps,
  writeCreate,
  writeSteps,
  type Acl,
  type Mode,
  type MultiResult,
  type Stat,
  type Step,
} from "./protocol.ts";
import { CODE, hasCode, ZooKeeperError } from "./errors.ts";
import type { JuteReader } from "./jute.ts";
import type { SessionOptions } from "./session-options.ts";
import { Session } from "./session.ts";
import type { Watcher, WatchTarget } from "./watches.ts";

export interface ClientOptions extends SessionOptions {
  /** All paths are below this one: `""`, or absolute without a slash at its end. */
  readonly chroot: string;
}

/** A write of this session: its transaction, and how many have succeeded up to it. */
export interface Written {
  readonly zxid: number;
  readonly writes: number;
}

export interface Created extends Written {
  readonly path: string;
  readonly stat: Stat;
}

export interface Children {
  readonly names: readonly string[];
  /** The transaction that set the parent's data last, or created it. */
  readonly mzxid: number;
  /** The last transaction that the server had applied. */
  readonly zxid: number;
}

export interface NodeData {
  readonly data: Buffer;
  readonly stat: Stat;
}

const NO_DATA = Buffer.alloc(0);

/**
 * What coordination needs of ZooKeeper, and no more. Requests are sent in the order of the calls, take effect
 * in it, and are answered in it. A call rejects with a ZooKeeperError when the server refused it, and with
 * ConnectionLost when the connection ended before its answer.
 */
export class ZooKeeperClient {
  readonly session: Session;
  readonly #chroot: string;
  readonly #acl: readonly Acl[];

  constructor(options: ClientOptions) {
    this.session = new Session(options);
    this.#chroot = options.chroot;
    this.#acl = options.digest === undefined ? OPEN_ACL : CREATOR_ACL;
  }

  create(path: string, data: Buffer, mode: Mode): Promise<Created> {
    const op = mode === MODE.container ? OP.createContainer : OP.create2;
    return this.session.request(
      op,
      `create ${path}`,
      true,
      (writer) => writeCreate(writer, this.#absolute(path), data, this.#acl, mode),
      (reader, zxid) => ({
        path: this.#relative(reader.text()),
        stat: readStat(reader),
        zxid,
        writes: this.session.writes,
      }),
    );
  }

  /**
   * Makes the node and all above it that are missing, as containers, which the server removes some time after
   * their last child has gone.
   */
  async ensure(path: string): Promise<void> {
    const whole = this.#absolute(path);
    const parents: string[] = [];
    for (let at = whole.indexOf("/", 1); at > 0; at = whole.indexOf("/", at + 1)) {
      parents.push(whole.slice(0, at));
    }
    if (whole !== "/") parents.push(whole);
    // In one flight: that a node above is there already is the usual answer.
    const made = parents.map((each) =>
      this.session
        .request(
          OP.createContainer,
          `create ${each}`,
          true,
          (writer) => writeCreate(writer, each, NO_DATA, this.#acl, MODE.container),
          () => undefined,
        )
        .catch((error: unknown) => {
          if (!hasCode(error, CODE.nodeExists)) throw error;
        }),
    );
    const outcomes = await Promise.allSettled(made);
    // Without the right to make what is above, it may be there all the same: only the last one counts.
    const last = outcomes.at(-1);
    if (last?.status === "rejected") throw last.reason;
  }

  delete(path: string, version = -1): Promise<Written> {
    return this.session.request(
      OP.delete,
      `delete ${path}`,
      true,
      (writer) => writer.text(this.#absolute(path)).int(version),
      (_, zxid) => ({ zxid, writes: this.session.writes }),
    );
  }

  set(path: string, data: Buffer, version = -1): Promise<Stat> {
    return this.session.request(
      OP.setData,
      `set ${path}`,
      true,
      (writer) => writer.text(this.#absolute(path)).buffer(data).int(version),
      readStat,
    );
  }

  /** The watch is for the node's next change or its end; there is none if the node does not exist. */
  get(path: string, watcher?: Watcher): Promise<NodeData> {
    return this.#watching(OP.getData, "get", path, "data", watcher, (reader) => ({
      data: reader.buffer(),
      stat: readStat(reader),
    }));
  }

  /** The watch is for children that come or go, or for the node's end. */
  children(path: string, watcher?: Watcher): Promise<Children> {
    return this.#watching(OP.getChildren2, "list", path, "child", watcher, (reader, zxid) => ({
      names: reader.vector(4, () => reader.text()),
      mzxid: readStat(reader).mzxid,
      zxid,
    }));
  }

  /** Null if there is no such node; the watch is then for its creation, else for its change or end. */
  async exists(path: string, watcher?: Watcher): Promise<Stat | null> {
    try {
      return await this.#watching(OP.exists, "look at", path, "data", watcher, readStat);
    } catch (error) {
      if (!hasCode(error, CODE.noNode)) throw error;
      if (watcher !== undefined) this.session.watches.add("exist", this.#absolute(path), watcher);
      return null;
    }
  }

  unwatch(target: WatchTarget, path: string, watcher: Watcher): void {
    this.session.watches.remove(target, this.#absolute(path), watcher);
  }

  /** Reads after this one, on this session, see what the leader had committed when it was asked. */
  sync(path: string): Promise<void> {
    return this.session.request(
      OP.sync,
      `sync ${path}`,
      false,
      (writer) => writer.text(this.#absolute(path)),
      () => undefined,
    );
  }

  /** All steps or none. Resolves with each step's result also when they were refused. */
  multi(steps: readonly Step[]): Promise<MultiResult> {
    const absolute = steps.map((step): Step => ({ ...step, path: this.#absolute(step.path) }));
    return this.session.request(
      OP.multi,
      `${steps.length} steps`,
      true,
      (writer) => writeSteps(writer, absolute, this.#acl),
      readSteps,
    );
  }

  #watching<T>(
    op: number,
    verb: string,
    path: string,
    target: WatchTarget,
    watcher: Watcher | undefined,
    read: (reader: JuteReader, zxid: number) => T,
  ): Promise<T> {
    const absolute = this.#absolute(path);
    return this.session.request(
      op,
      `${verb} ${path}`,
      false,
      (writer) => writer.text(absolute).bool(watcher !== undefined),
      (reader, zxid) => {
        // In the turn of the answer, before any event that comes behind it.
        if (watcher !== undefined) this.session.watches.add(target, absolute, watcher);
        return read(reader, zxid);
      },
    );
  }

  #absolute(path: string): string {
    return path === "/" ? this.#chroot || "/" : this.#chroot + path;
  }

  #relative(path: string): string {
    return path.slice(this.#chroot.length);
  }
}

/** Whether all steps took effect. @throws ZooKeeperError on an error that is none of `expected` */
export function applied({ errors }: MultiResult, expected: readonly number[]): boolean {
  const failed = errors.find((error) => error !== 0 && error !== RUNTIME_INCONSISTENCY);
  if (failed === undefined) return errors.every((error) => error === 0);
  if (!expected.includes(failed)) throw new ZooKeeperError(failed, "several steps");
  return false;
}

/** What the steps behind the one to blame are answered. */
const RUNTIME_INCONSISTENCY = -2;
