import type { Place, RevokeReason, RevokeRequest } from "../../backend.ts";
import { BackendError } from "../../errors.ts";
import { applied, type NodeData, type ZooKeeperClient } from "./client/client.ts";
import { CODE, hasCode } from "./client/errors.ts";
import { MODE, type Step } from "./client/protocol.ts";
import { NAME } from "./failure.ts";
import { nodePrefix, type Child } from "./names.ts";
import { readTrail, trailData, type Trail } from "./node-data.ts";
import { pathOf, type OwnPlace } from "./place.ts";
import { capacityOf, holding, queueOf } from "./queue.ts";
import { shownPlace } from "./shown.ts";
import type { StoreTime } from "./store-time.ts";

/** Each try is refused only because somebody else came or went meanwhile. */
const TRIES = 50;
/** Answers that mean so. */
const OVERTAKEN = [CODE.noNode, CODE.badVersion, CODE.nodeExists];

/** A holder that is to go, with what is to be known of it. */
interface Victim extends NodeData {
  readonly child: Child;
}

/**
 * Taking locks away. It goes by one transaction that deletes the holders' nodes and writes to the resource's
 * node, so that each such act moves the resource's last transaction: whoever came before it and holds after
 * it takes a later token first (`raise`). So tokens keep to the order of grants, which sequence numbers then
 * do not.
 */
export class Force {
  constructor(
    private readonly client: ZooKeeperClient,
    private readonly time: StoreTime,
  ) {}

  /** Ends holders, all or the one with the lease id. */
  async revoke(path: string, { leaseId, reason, by }: RevokeRequest): Promise<readonly Place[]> {
    return this.#untilDone("revoke", async () => {
      const queue = await this.#queue(path);
      const chosen = queue
        .slice(0, holding(queue))
        .filter((child) => leaseId === undefined || child.leaseId === leaseId);
      if (chosen.length === 0) return [];
      const [victims, trail] = await Promise.all([this.#victims(path, chosen), this.client.get(path)]);
      const at = this.time.now();
      const tokens = victims.map(({ stat }) => stat.mzxid);
      const { revocations, stolen } = readTrail(trail.data);
      const steps = this.#removing(path, victims, trail, {
        revocations: [...revocations, { at, reason, by, tokens }],
        stolen,
      });
      if (!applied(await this.client.multi(steps), OVERTAKEN)) return undefined;
      return victims.map(({ child, data, stat }) => shownPlace(child, data, stat, true, at));
    });
  }

  /**
   * Takes the holders' places: the new node gets the sequence number of the first of them, and so stands
   * ahead of all who wait, for Curator too. Null: there is nobody to take from; a number: they hold with that
   * capacity.
   */
  async steal(place: OwnPlace): Promise<"stolen" | null | number> {
    const { path } = place.resource;
    const prefix = nodePrefix(place.leaseId, place.permits, place.capacity);
    return this.#untilDone("admit", async () => {
      const queue = await this.#queue(path);
      const mine = queue.find(({ leaseId }) => leaseId === place.leaseId);
      if (mine !== undefined) {
        // An earlier try was applied, and its answer lost.
        const { stat } = await this.client.get(`${path}/${mine.name}`);
        place.name = mine.name;
        place.token = stat.mzxid;
        return "stolen";
      }
      const [first] = queue;
      if (first === undefined) return null;
      const capacity = capacityOf(queue);
      if (capacity !== null && capacity !== place.capacity) return capacity;
      const chosen = queue.slice(0, holding(queue));
      const [victims, trail] = await Promise.all([this.#victims(path, chosen), this.client.get(path)]);
      const { revocations, stolen } = readTrail(trail.data);
      const name = `${prefix}${first.digits}`;
      const result = await this.client.multi([
        ...this.#removing(path, victims, trail, {
          revocations,
          stolen: [...stolen, ...victims.map(({ stat }) => stat.mzxid)],
        }),
        { op: "create", path: `${path}/${name}`, data: place.data, mode: MODE.ephemeral },
      ]);
      if (!applied(result, OVERTAKEN)) return undefined;
      place.name = name;
      place.token = result.zxid;
      return "stolen";
    });
  }

  /** Gives a place a token later than all before, and lets those behind it know that theirs are too early. */
  async raise(place: OwnPlace): Promise<void> {
    const { path } = place.resource;
    await this.#untilDone("admit", async () => {
      if (place.state === "ended") return true;
      const { data, stat } = await this.client.get(path);
      const result = await this.client.multi([
        { op: "set", path, data, version: stat.version },
        { op: "set", path: pathOf(place), data: place.data },
      ]);
      if (!applied(result, [CODE.badVersion])) return undefined;
      place.token = result.zxid;
      return true;
    });
  }

  /** Why a holder's node was taken away. */
  async reasonOf(path: string, token: number): Promise<RevokeReason> {
    const { data } = await this.client.get(path);
    return readTrail(data).stolen.includes(token) ? "stolen" : "revoked";
  }

  async #queue(path: string): Promise<readonly Child[]> {
    try {
      return queueOf((await this.client.children(path)).names);
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return [];
      throw error;
    }
  }

  #victims(path: string, chosen: readonly Child[]): Promise<readonly Victim[]> {
    const read = async (child: Child): Promise<Victim> => ({
      child,
      ...(await this.client.get(`${path}/${child.name}`)),
    });
    return Promise.all(chosen.map(read));
  }

  #removing(path: string, victims: readonly Victim[], { stat }: NodeData, trail: Trail): readonly Step[] {
    // Changed before it is deleted, it tells those who watch it that it did not go by itself.
    const removing = victims.flatMap(({ child, data, stat: { version } }): readonly Step[] => {
      const node = `${path}/${child.name}`;
      return [{ op: "set", path: node, data, version }, { op: "delete", path: node }];
    });
    return [{ op: "set", path, data: trailData(trail), version: stat.version }, ...removing];
  }

  async #untilDone<T>(operation: string, attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const done = await attempt();
        if (done !== undefined) return done;
      } catch (error) {
        if (!hasCode(error, CODE.noNode)) throw error;
      }
    }
    const detail = `others came and went ${TRIES} times meanwhile`;
    throw new BackendError(NAME, operation, "not-applied", { detail });
  }
}
