import type {
  Admission,
  AdmitRequest,
  Release,
  ReleaseRequest,
  Renewal,
  RenewRequest,
  Session,
} from "../../backend.ts";
import type { ZooKeeperClient } from "./client/client.ts";
import { CODE, hasCode } from "./client/errors.ts";
import type { Step } from "./client/protocol.ts";
import { Force } from "./force.ts";
import { Line } from "./line.ts";
import { pathOf, type OwnPlace } from "./place.ts";
import { Places } from "./places.ts";
import { capacityOf, holding, queueOf } from "./queue.ts";
import type { StoreTime } from "./store-time.ts";

/** Nodes checked by one transaction, which must stay below a server's 1 MiB for a request. */
const CHECKS_MAX = 64;

/** The verbs on locks, for one request each; renewals go together. */
export class Locks {
  readonly places: Places;
  readonly #force: Force;
  readonly #line: Line;

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly session: Session,
    private readonly time: StoreTime,
    changed: (count: number) => void,
  ) {
    this.places = new Places(session, time, changed, (place) => void this.#remove(place).catch(ignore));
    this.#force = new Force(client, time);
    this.#line = new Line(client, session, time, this.places, this.#force);
  }

  async admit(request: AdmitRequest, at: number): Promise<Admission> {
    const { resource, leaseId } = request;
    if (this.places.ended(resource, leaseId) !== undefined) return { kind: "gone" };
    let place = this.places.get(leaseId);
    if (place?.state === "ended") return { kind: "gone" };
    if (place === undefined) {
      if (!request.wait && request.steal !== true) {
        const refusal = await this.#lookFirst(request, at);
        if (refusal !== undefined) return refusal;
      }
      place = this.places.add(request, at);
    } else if (place.state !== "granted") {
      this.places.wait(place);
    }
    place.admitting ??= this.#admit(place, request, at).finally(() => (place.admitting = undefined));
    const refusal = await place.admitting;
    return refusal ?? this.#answer(place, at);
  }

  async renew(requests: readonly RenewRequest[], at: number): Promise<readonly Renewal[]> {
    const held = new Map<OwnPlace, number>();
    for (const { leaseId, ttlMs } of requests) {
      const place = this.places.get(leaseId);
      if (place === undefined || place.state === "ended") continue;
      // Its turn may have come, and the news be on its way.
      if (place.state === "waiting") await this.#line.lookSurely(place.resource);
      if (place.state === "granted") held.set(place, ttlMs);
    }
    await this.#check([...held.keys()]);
    for (const [place, ttlMs] of held) {
      if (place.state === "granted") this.places.hold(place, this.time.end(at, ttlMs));
    }
    // What is watched is known to be as it was seen.
    const unseen = new Set([...held.keys()].map(({ resource }) => resource));
    await Promise.all([...unseen].map((each) => each.isWatched || this.#line.lookOn(each)));
    return requests.map(({ leaseId }) => {
      const place = this.places.get(leaseId);
      if (place?.state !== "granted") return { kind: "gone" };
      return { kind: "renewed", expiresAt: place.expiresAt, waiting: place.strangers };
    });
  }

  async release({ resource, leaseId }: ReleaseRequest): Promise<Release> {
    const place = this.places.get(leaseId);
    if (place === undefined) {
      const ended = this.places.ended(resource, leaseId);
      if (ended === undefined) this.places.remember(resource, leaseId, false);
      return { kind: ended?.released === true ? "released" : "gone" };
    }
    place.isReleased ||= place.state !== "ended";
    this.places.end(place);
    const wasThere = await this.#remove(place);
    return { kind: place.isReleased && wasThere ? "released" : "gone" };
  }

  get force(): Force {
    return this.#force;
  }

  get line(): Line {
    return this.#line;
  }

  /** The session goes on, over another connection: what failed with the last one is done again. */
  reconnected(): void {
    for (const place of [...this.places.all]) {
      if (place.state === "ended") void this.#remove(place).catch(ignore);
    }
    // What happened meanwhile was not told.
    for (const resource of this.places.resources) resource.isWatched = false;
    for (const resource of [...this.places.resources]) void this.#line.look(resource).catch(ignore);
    this.session.listener.look();
  }

  /** The session has ended, and with it every node of it. */
  expired(): void {
    for (const place of [...this.places.all]) {
      const { state, resource, leaseId } = place;
      this.places.forget(place, false);
      if (state === "granted") this.session.listener.revoked(resource.name, leaseId, "revoked");
    }
    this.session.listener.look();
  }

  // -------------------------------------------------------------------------------------------- admission

  /** Who would not wait makes no node where there is no room. */
  async #lookFirst(request: AdmitRequest, at: number): Promise<Admission | undefined> {
    const { names } = await this.#line.listSurely(this.places.pathOf(request.resource));
    const queue = queueOf(names);
    const capacity = capacityOf(queue);
    if (capacity !== null && capacity !== request.capacity) return { kind: "mismatch", capacity };
    const ahead = queue.reduce((sum, { permits }) => sum + permits, 0);
    if (queue.length === 0 || ahead + request.permits <= request.capacity) return undefined;
    return { kind: "busy", ahead: queue.length, lookAt: this.#lookAt(at) };
  }

  /** Resolves with a refusal, or with undefined when the place is where it should be. */
  async #admit(place: OwnPlace, request: AdmitRequest, at: number): Promise<Admission | undefined> {
    if (place.isUnsure) await this.#line.find(place);
    if (place.state !== "asking") {
      await this.#line.lookSurely(place.resource);
      return undefined;
    }
    const stolen = place.name === null && request.steal === true ? await this.#steal(place) : null;
    if (typeof stolen === "number") return this.#refuse(place, { kind: "mismatch", capacity: stolen });
    const children =
      place.name === null ? await this.#line.enqueue(place) : await this.#line.list(place.resource.path);
    if (isOver(place)) return undefined;
    const queue = queueOf(children.names);
    const index = queue.findIndex(({ name }) => name === place.name);
    const capacity = capacityOf(queue);
    if (capacity !== null && capacity !== place.capacity) {
      return this.#refuse(place, { kind: "mismatch", capacity });
    }
    place.state = "waiting";
    if (index >= 0 && index < holding(queue)) {
      // A steal has to come after no later force than itself: those whom it let in may have raised since.
      if (stolen === null && children.mzxid > place.token) await this.#force.raise(place);
      if (isOver(place)) return undefined;
      this.#line.grant(place, 0, at, place.ttlMs);
    } else if (!request.wait) {
      return this.#refuse(place, { kind: "busy", ahead: index, lookAt: this.#lookAt(at) });
    }
    this.#line.consider(place.resource, children, queue);
    return undefined;
  }

  async #steal(place: OwnPlace): Promise<"stolen" | null | number> {
    try {
      return await this.#force.steal(place);
    } catch (error) {
      place.isUnsure = true;
      throw error;
    }
  }

  async #refuse(place: OwnPlace, refusal: Admission): Promise<Admission> {
    this.places.end(place);
    if (place.name !== null) await this.client.delete(pathOf(place)).catch(unlessGone);
    this.places.drop(place);
    return refusal;
  }

  #answer(place: OwnPlace, at: number): Admission {
    const { state, token, expiresAt, strangers, ahead } = place;
    if (state === "ended") return { kind: "gone" };
    if (state === "granted") return { kind: "granted", token, expiresAt, waiting: strangers };
    return { kind: "waiting", ahead, lookAt: this.#lookAt(at) };
  }

  /**
   * Nobody knows when a place ahead ends: its process deletes it or, dead, its session runs out. Either is
   * told, so that asking again brings news only if the telling failed.
   */
  #lookAt(at: number): number {
    return at + this.client.session.timeoutMs;
  }

  // --------------------------------------------------------------------------------------------- renewal

  /**
   * One transaction asks whether the nodes are there. A quorum has to agree to it, so that a server which is
   * cut off from the others cannot answer; and it proves that the session lives.
   */
  async #check(places: readonly OwnPlace[]): Promise<void> {
    let left = places.filter(({ name }) => name !== null);
    while (left.length > 0) {
      const some = left.slice(0, CHECKS_MAX);
      const { errors } = await this.client.multi(
        some.map((place): Step => ({ op: "check", path: pathOf(place) })),
      );
      const missing = some.filter((_, at) => errors[at] === CODE.noNode);
      for (const place of missing) this.places.forget(place, false);
      // A step that is refused refuses all: the others are asked again, without it.
      left = missing.length === 0 ? left.slice(some.length) : left.filter((each) => !missing.includes(each));
      if (missing.length === 0 && errors.some((error) => error !== 0)) {
        throw new Error(`the check was answered ${errors.join(", ")}`);
      }
    }
  }

  // --------------------------------------------------------------------------------------------- removal

  #remove(place: OwnPlace): Promise<boolean> {
    place.removing ??= this.#line
      .remove(place)
      .then((wasThere) => {
        this.places.forget(place, place.isReleased && wasThere);
        return wasThere;
      })
      .finally(() => (place.removing = undefined));
    return place.removing;
  }
}

const ignore = (): void => undefined;

const isOver = ({ state }: OwnPlace): boolean => state === "ended";

function unlessGone(error: unknown): void {
  if (!hasCode(error, CODE.noNode)) throw error;
}
