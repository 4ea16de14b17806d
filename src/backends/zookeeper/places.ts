import type { AdmitRequest, Session } from "../../backend.ts";
import { EndedIds } from "./ended.ts";
import { segmentOf } from "./names.ts";
import { placeDataOf } from "./node-data.ts";
import type { OwnPlace, Resource } from "./place.ts";
import type { StoreTime } from "./store-time.ts";

/** The places of this process, until their nodes are known to be gone; then how they ended. */
export class Places {
  readonly #byId = new Map<string, OwnPlace>();
  readonly #resources = new Map<string, Resource>();
  readonly #ended = new EndedIds();
  readonly #dataOf: ReturnType<typeof placeDataOf>;
  /** Path of the node that has those of all resources below it. */
  readonly namespacePath: string;

  constructor(
    private readonly session: Session,
    private readonly time: StoreTime,
    /** Told how many there are, when that changes. */
    private readonly counted: (count: number) => void,
    /** Told of places whose time is over, after they have ended here. */
    private readonly expired: (place: OwnPlace) => void,
  ) {
    this.#dataOf = placeDataOf(session.owner, session.patienceMs);
    this.namespacePath = `/${segmentOf(session.namespace)}`;
  }

  /** Ends it first if its time is over, which no timer may have told yet. */
  get(leaseId: string): OwnPlace | undefined {
    const place = this.#byId.get(leaseId);
    if (place !== undefined) this.#endIfOver(place);
    return place;
  }

  get all(): Iterable<OwnPlace> {
    return this.#byId.values();
  }

  get resources(): Iterable<Resource> {
    return this.#resources.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  pathOf(resource: string): string {
    return `${this.namespacePath}/${segmentOf(resource)}`;
  }

  /** How the place with this id ended; undefined if that is not remembered. */
  ended(resource: string, leaseId: string): { readonly released: boolean } | undefined {
    return this.#ended.get(resource, leaseId);
  }

  /** From now on the id has ended, whatever it was. */
  remember(resource: string, leaseId: string, released: boolean): void {
    this.#ended.remember(resource, leaseId, released);
  }

  add(request: AdmitRequest, at: number): OwnPlace {
    const { leaseId, permits, capacity, ttlMs } = request;
    const resource = this.#resource(request.resource);
    const place: OwnPlace = {
      resource,
      leaseId,
      permits,
      capacity,
      ttlMs,
      data: this.#dataOf(at, ttlMs),
      state: "asking",
      isReleased: false,
      name: null,
      token: 0,
      isUnsure: false,
      since: at,
      expiresAt: 0,
      ahead: 0,
      strangers: 0,
      isContended: false,
      isAlone: false,
      isNext: false,
      floor: 0,
      watched: null,
      admitting: undefined,
      removing: undefined,
      isRaising: false,
      cancelExpiry: undefined,
    };
    this.#byId.set(leaseId, place);
    this.counted(this.#byId.size);
    resource.places.set(leaseId, place);
    this.wait(place);
    return place;
  }

  /** Asked about just now: it may wait for its patience from here on. */
  wait(place: OwnPlace): void {
    this.#expireAt(place, this.time.now() + this.session.patienceMs);
  }

  /** Granted, or renewed, until `expiresAt`. */
  hold(place: OwnPlace, expiresAt: number): void {
    if (place.state !== "granted") {
      place.state = "granted";
      place.since = this.time.now();
    }
    this.#expireAt(place, expiresAt);
  }

  /** Over for this process, for good, whatever becomes of its node. */
  end(place: OwnPlace): void {
    place.state = "ended";
    place.cancelExpiry?.();
    place.watched = null;
  }

  /** Its node is gone. */
  forget(place: OwnPlace, released: boolean): void {
    this.end(place);
    this.drop(place);
    this.remember(place.resource.name, place.leaseId, released);
  }

  /** As if it had never been: it found the resource busy, or in use with another capacity. */
  drop(place: OwnPlace): void {
    const { resource, leaseId } = place;
    this.end(place);
    this.#byId.delete(leaseId);
    this.counted(this.#byId.size);
    resource.places.delete(leaseId);
    if (resource.places.size > 0) return;
    resource.cancelLook?.();
    this.#resources.delete(resource.name);
  }

  #resource(name: string): Resource {
    let resource = this.#resources.get(name);
    if (resource === undefined) {
      resource = {
        name,
        path: this.pathOf(name),
        places: new Map(),
        isWatched: false,
        lookedAt: -Infinity,
        cancelLook: undefined,
      };
      this.#resources.set(name, resource);
    }
    return resource;
  }

  /** Later ends move without touching the timer, which then finds that it came too early. */
  #expireAt(place: OwnPlace, at: number): void {
    const isSooner = place.cancelExpiry === undefined || at < place.expiresAt;
    place.expiresAt = at;
    if (!isSooner) return;
    place.cancelExpiry?.();
    place.cancelExpiry = this.time.when(at, () => {
      place.cancelExpiry = undefined;
      this.#endIfOver(place);
      if (place.state !== "ended") this.#expireAt(place, place.expiresAt);
    });
  }

  #endIfOver(place: OwnPlace): void {
    if (place.state === "ended" || place.expiresAt > this.time.now()) return;
    this.end(place);
    this.expired(place);
  }
}
