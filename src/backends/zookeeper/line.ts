import type { RevokeReason, Session } from "../../backend.ts";
import { systemClock } from "../../clock.ts";
import type { Children, ZooKeeperClient } from "./client/client.ts";
import { CODE, ConnectionLost, hasCode } from "./client/errors.ts";
import { MODE, type WatchEvent } from "./client/protocol.ts";
import type { Watcher } from "./client/watches.ts";
import type { Force } from "./force.ts";
import { EmptyLines, isSameLine } from "./empty-lines.ts";
import { childOf, nodePrefix, type Child } from "./names.ts";
import { pathOf, type OwnPlace, type Resource } from "./place.ts";
import type { Places } from "./places.ts";
import { blockerOf, holding, queueOf, strangersBehind } from "./queue.ts";
import type { StoreTime } from "./store-time.ts";

/** A container may vanish, for lack of children, as often as somebody makes it. */
const ENQUEUE_TRIES = 5;
/** A holder has its queue watched after it has held for this long: most locks are gone by then. */
const ATTEND_AFTER_MS = 10;
/** A holder looks at a busy queue at most once in this time. */
const ATTEND_EVERY_MS = 50;

const NOBODY: Children = { names: [], mzxid: 0, zxid: Infinity };

/** This process's places in the lines of ZooKeeper: how they get there, and what they see from there. */
export class Line {
  readonly #empty = new EmptyLines();

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly session: Session,
    private readonly time: StoreTime,
    private readonly places: Places,
    private readonly force: Force,
  ) {}

  /** Makes the place's node and looks, in one flight; without looking where it is known to be alone. */
  async enqueue(place: OwnPlace): Promise<Children> {
    const { path } = place.resource;
    const prefix = `${path}/${nodePrefix(place.leaseId, place.permits, place.capacity)}`;
    const { session } = this.client;
    const left = this.#empty.take(path);
    const now = { zxid: session.lastZxid, writes: session.writes };
    // Others may do as much again while the request is on its way: then it is looked after all.
    const isLeft = left !== undefined && isSameLine(left, now, 2);
    let ensured: Promise<void> | undefined;
    for (let tries = 1; ; tries++) {
      const creating = this.client.create(prefix, place.data, MODE.ephemeralSequential);
      const looking = isLeft ? undefined : this.client.children(path);
      looking?.catch(ignore);
      try {
        const created = await creating;
        const name = created.path.slice(path.length + 1);
        this.#found(place, name, created.stat.czxid);
        if (looking !== undefined) return await looking;
        const isNext = left !== undefined && Number(created.path.slice(prefix.length)) === left.next;
        if (!isNext || !isSameLine(left, created)) return await this.list(path);
        return { names: [name], mzxid: 0, zxid: created.zxid };
      } catch (error) {
        place.isUnsure ||= error instanceof ConnectionLost && error.sent;
        if (!hasCode(error, CODE.noNode)) throw error;
        if (tries === ENQUEUE_TRIES) {
          await ensured;
          throw error;
        }
        ensured = this.client.ensure(path);
        ensured.catch(ignore);
      }
    }
  }

  /** Looks whether an admission whose answer was lost has made a node. */
  async find(place: OwnPlace): Promise<void> {
    const { path } = place.resource;
    const { names } = await this.listSurely(path);
    const child = queueOf(names).find(({ leaseId }) => leaseId === place.leaseId);
    if (child === undefined) {
      place.isUnsure = false;
      return;
    }
    const { stat } = await this.client.get(`${path}/${child.name}`);
    this.#found(place, child.name, stat.mzxid);
  }

  /** The children; none if there is no such node. */
  async list(path: string, watcher?: Watcher): Promise<Children> {
    try {
      return await this.client.children(path, watcher);
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return NOBODY;
      throw error;
    }
  }

  /** As it was when asked for, or later: a follower first gets all that the leader had agreed to by then. */
  listSurely(path: string): Promise<Children> {
    this.client.sync("/").catch(ignore);
    return this.list(path);
  }

  async lookSurely(resource: Resource): Promise<void> {
    this.consider(resource, await this.listSurely(resource.path));
  }

  /** Looks at a line, and does what follows for all places in it. */
  async look(resource: Resource): Promise<readonly Child[]> {
    return this.consider(resource, await this.list(resource.path));
  }

  /** The same, and is told of the next change. */
  async lookOn(resource: Resource): Promise<readonly Child[]> {
    resource.cancelLook?.();
    resource.cancelLook = undefined;
    let isOver = false;
    const children = await this.list(resource.path, () => {
      isOver = true;
      this.#changed(resource);
    });
    // The event may come in one packet with the answer, and is heard of before it.
    resource.isWatched ||= !isOver && children !== NOBODY;
    return this.consider(resource, children);
  }

  /** Has the line watched soon, for a place that holds: who comes behind it, and whether it is taken away. */
  attend(resource: Resource): void {
    if (resource.isWatched || resource.cancelLook !== undefined) return;
    const now = systemClock.now();
    const inMs = Math.max(ATTEND_AFTER_MS, resource.lookedAt + ATTEND_EVERY_MS - now);
    const look = (): void => {
      resource.cancelLook = undefined;
      // A place on its way out is not worth it.
      const isWanted = [...resource.places.values()].some(({ state }) => state !== "ended");
      if (isWanted) this.lookOn(resource).catch(ignore);
    };
    resource.cancelLook = systemClock.timer(inMs, look, { keepAlive: false });
  }

  /** Does what follows from what was seen for all places in the line. */
  consider(resource: Resource, { names, mzxid, zxid }: Children, queue = queueOf(names)): readonly Child[] {
    const held = holding(queue);
    resource.lookedAt = systemClock.now();
    for (const place of resource.places.values()) {
      // Answers of one packet are looked at together: this one may be from before the place was there.
      if (place.name === null || place.state === "ended" || place.token > zxid) continue;
      const at = queue.findIndex(({ name }) => name === place.name);
      if (at < 0) {
        this.#vanished(place);
        continue;
      }
      place.ahead = at;
      place.isAlone = queue.length === 1;
      place.strangers = strangersBehind(queue, at, held);
      if (place.state === "granted") this.#tellContended(place);
      else if (place.state === "waiting" && at < held) this.#handOver(place, mzxid);
      else if (place.state === "waiting") this.#wait(place, queue, at, held, mzxid);
    }
    return queue;
  }

  /**
   * A place whose turn has come holds, for `ms`, unless somebody was forced out since it came: then it takes
   * a later token first, and holds with the next look. `floor` is the last transaction of force.
   */
  grant(place: OwnPlace, floor: number, at: number, ms: number): boolean {
    if (floor > place.token) {
      this.#raise(place);
      return false;
    }
    this.places.hold(place, this.time.end(at, ms));
    this.attend(place.resource);
    return true;
  }

  #found(place: OwnPlace, name: string, token: number): void {
    place.name = name;
    place.token = token;
    place.isUnsure = false;
  }

  #handOver(place: OwnPlace, floor: number): void {
    if (!this.grant(place, floor, this.time.now(), this.session.claimMs)) return;
    place.watched = null;
    const { resource, leaseId, token, expiresAt, strangers } = place;
    place.isContended = strangers > 0;
    this.session.listener.granted(resource.name, leaseId, { token, expiresAt, waiting: strangers });
  }

  #raise(place: OwnPlace): void {
    if (place.isRaising) return;
    place.isRaising = true;
    this.force
      .raise(place)
      .finally(() => (place.isRaising = false))
      .then(() => this.look(place.resource))
      .catch(ignore);
  }

  #tellContended(place: OwnPlace): void {
    if (place.strangers === 0 || place.isContended) return;
    place.isContended = true;
    this.session.listener.contended(place.resource.name);
  }

  /** Its node was there and is not: somebody took it away. */
  #vanished(place: OwnPlace): void {
    const wasHeld = place.state === "granted";
    const { resource, leaseId, token } = place;
    this.places.forget(place, false);
    if (!wasHeld) return this.session.listener.look(resource.name);
    const tell = (reason: RevokeReason): void =>
      this.session.listener.revoked(resource.name, leaseId, reason);
    this.force.reasonOf(resource.path, token).then(tell, () => tell("revoked"));
  }

  /** Asks to be told when the one node leaves that is in the way; of several that are, of any change. */
  #wait(place: OwnPlace, queue: readonly Child[], at: number, held: number, floor: number): void {
    const { resource } = place;
    const blocker = blockerOf(queue, at);
    const without = queue.filter((child) => child !== blocker);
    place.isNext = blocker !== undefined && at === held && holding(without) >= at;
    place.floor = floor;
    if (blocker === undefined) place.watched = null;
    else if (place.watched !== blocker.name) this.#watch(place, blocker.name);
    // Who is next wants to know who comes behind, to hold without another look.
    if ((blocker === undefined || place.isNext) && !resource.isWatched) this.lookOn(resource).catch(ignore);
  }

  #watch(place: OwnPlace, name: string): void {
    const { resource } = place;
    place.watched = name;
    const left = (event?: WatchEvent): void => {
      if (place.watched !== name) return;
      place.watched = null;
      // It went by itself: who is forced out is changed first. And since the last look nobody has come.
      const isTurn = event?.kind === "deleted" && place.isNext && resource.isWatched;
      if (isTurn && place.state === "waiting") this.#handOver(place, place.floor);
      else this.look(resource).catch(ignore);
    };
    // `get` and not `exists`, which would leave a watch on a node that has gone already.
    this.client.get(`${resource.path}/${name}`, left).catch((error: unknown) => {
      if (hasCode(error, CODE.noNode)) left();
      else if (place.watched === name) place.watched = null;
    });
  }

  #changed(resource: Resource): void {
    resource.isWatched = false;
    let isHeld = false;
    for (const { state, watched } of resource.places.values()) {
      if (state === "waiting" && watched === null) return void this.lookOn(resource).catch(ignore);
      isHeld ||= state === "granted";
    }
    if (!isHeld) return;
    const sinceLook = systemClock.now() - resource.lookedAt;
    if (sinceLook >= ATTEND_EVERY_MS) this.lookOn(resource).catch(ignore);
    else this.attend(resource);
  }

  /** Removes the node. True: it was there. Retried by whoever asks again. */
  async remove(place: OwnPlace): Promise<boolean> {
    await place.admitting?.catch(ignore);
    if (place.name === null && place.isUnsure) await this.find(place);
    if (place.name === null) return false;
    try {
      const { zxid, writes } = await this.client.delete(pathOf(place));
      if (place.isAlone) {
        const next = childOf(place.name)!.sequence + 1;
        this.#empty.left(place.resource.path, { next, zxid, writes });
      }
      return true;
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return place.isUnsure;
      // It may have been deleted: if it is gone next time, it was us.
      place.isUnsure ||= error instanceof ConnectionLost && error.sent;
      throw error;
    }
  }
}

/** What failed with the connection is done again with the next one: see `Locks.reconnected`. */
const ignore = (): void => undefined;
