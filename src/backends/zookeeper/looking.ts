import type { Inspection, Page, Place } from "../../backend.ts";
import type { ZooKeeperClient } from "./client/client.ts";
import { CODE, hasCode } from "./client/errors.ts";
import { textOf, type Child } from "./names.ts";
import { readTrail } from "./node-data.ts";
import type { Places } from "./places.ts";
import { capacityOf, holding, queueOf } from "./queue.ts";
import { shownPlace } from "./shown.ts";
import type { StoreTime } from "./store-time.ts";

/** Resources looked at together. */
const TOGETHER = 32;

/** Looking in, which changes nothing. Each node is true at its own time. */
export class Looking {
  constructor(
    private readonly client: ZooKeeperClient,
    private readonly time: StoreTime,
    private readonly places: Places,
  ) {}

  async inspect(resource: string): Promise<Inspection> {
    // So that it shows all that was done before it was asked for, by whomever.
    this.client.sync("/").catch(() => undefined);
    return this.#look(resource);
  }

  async list({ prefix = "", after, limit }: Page): Promise<readonly Inspection[]> {
    this.client.sync("/").catch(() => undefined);
    const found: Inspection[] = [];
    const names = (await this.#children(this.places.namespacePath))
      .map(textOf)
      .filter((name) => name.startsWith(prefix))
      .map((name) => ({ name, bytes: Buffer.from(name) }))
      .filter(({ bytes }) => after === undefined || Buffer.compare(bytes, Buffer.from(after)) > 0)
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    for (let from = 0; from < names.length && found.length < limit; from += TOGETHER) {
      const some = names.slice(from, from + TOGETHER).map(({ name }) => this.#look(name));
      found.push(...(await Promise.all(some)).filter(({ places }) => places.length > 0));
    }
    return found.slice(0, limit);
  }

  async #look(resource: string): Promise<Inspection> {
    const path = this.places.pathOf(resource);
    const [names, data] = await Promise.all([this.#children(path), this.#data(path)]);
    const queue = queueOf(names);
    const held = holding(queue);
    const now = this.time.now();
    const shown = await Promise.all(queue.map((child, at) => this.#place(path, child, at < held, now)));
    const places = shown.filter((place) => place !== null && place.expiresAt > now) as Place[];
    return {
      resource,
      now,
      capacity: places.length === 0 ? null : capacityOf(queue),
      places,
      revocations: data === null ? [] : readTrail(data).revocations,
    };
  }

  /** Null: it has left since the list was made. */
  async #place(path: string, child: Child, isHeld: boolean, now: number): Promise<Place | null> {
    try {
      const { data, stat } = await this.client.get(`${path}/${child.name}`);
      const place = shownPlace(child, data, stat, isHeld, now);
      // Of our own places we know when they end.
      const own = this.places.get(child.leaseId);
      if (own === undefined || own.name !== child.name) return place;
      if (own.state === "ended") return null;
      const since = isHeld && own.state === "granted" ? own.since : place.since;
      return { ...place, since, expiresAt: own.expiresAt };
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return null;
      throw error;
    }
  }

  async #children(path: string): Promise<readonly string[]> {
    try {
      return (await this.client.children(path)).names;
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return [];
      throw error;
    }
  }

  async #data(path: string): Promise<Buffer | null> {
    try {
      return (await this.client.get(path)).data;
    } catch (error) {
      if (hasCode(error, CODE.noNode)) return null;
      throw error;
    }
  }
}
