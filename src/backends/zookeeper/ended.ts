import { FORGOTTEN_MAX } from "../../backend.ts";

/** So many resources are remembered; of the least recently used the ids are forgotten. */
const RESOURCES_MAX = 4_096;

interface Ended {
  readonly leaseId: string;
  readonly released: boolean;
}

/**
 * How the last places of each resource ended. Only this process asks for its own lease ids, so that it is the
 * one to remember them: ZooKeeper keeps nothing of a node that is gone.
 */
export class EndedIds {
  readonly #byResource = new Map<string, Ended[]>();

  get(resource: string, leaseId: string): Ended | undefined {
    return this.#byResource.get(resource)?.find((each) => each.leaseId === leaseId);
  }

  remember(resource: string, leaseId: string, released: boolean): void {
    const ended = this.#byResource.get(resource) ?? [];
    // Last in the map: last used.
    this.#byResource.delete(resource);
    this.#byResource.set(resource, ended);
    if (ended.some((each) => each.leaseId === leaseId)) return;
    ended.push({ leaseId, released });
    if (ended.length > FORGOTTEN_MAX) ended.shift();
    if (this.#byResource.size <= RESOURCES_MAX) return;
    const [oldest] = this.#byResource.keys();
    this.#byResource.delete(oldest!);
  }
}
