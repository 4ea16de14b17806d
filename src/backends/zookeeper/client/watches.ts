import { OP, request, XID, type WatchEvent } from "./protocol.ts";

export type Watcher = (event: WatchEvent) => void;

/** What a watch waits for: the node's data or end, its creation, or its children. */
export type WatchTarget = "data" | "exist" | "child";

/** Watches that the server keeps for this session, each for one event. */
export class Watches {
  readonly #watchers: Readonly<Record<WatchTarget, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };

  add(target: WatchTarget, path: string, watcher: Watcher): void {
    const watchers = this.#watchers[target].get(path);
    if (watchers === undefined) this.#watchers[target].set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  /** No longer listened to. The server forgets it when it fires. */
  remove(target: WatchTarget, path: string, watcher: Watcher): void {
    const watchers = this.#watchers[target].get(path);
    if (watchers?.delete(watcher) === true && watchers.size === 0) this.#watchers[target].delete(path);
  }

  fire(event: WatchEvent): void {
    for (const target of TARGETS[event.kind]) {
      const watchers = this.#watchers[target].get(event.path);
      this.#watchers[target].delete(event.path);
      for (const watcher of watchers ?? []) watcher(event);
    }
  }

  /** Paths to set again on a new connection. */
  paths(target: WatchTarget): readonly string[] {
    return [...this.#watchers[target].keys()];
  }

  get size(): number {
    return Object.values(this.#watchers).reduce((sum, { size }) => sum + size, 0);
  }

  clear(): void {
    for (const watchers of Object.values(this.#watchers)) watchers.clear();
  }
}

/** Sets watches again on a new connection; what happened since `lastZxid` is told at once. */
export function watchRequest(watches: Watches, lastZxid: number): Buffer {
  return request(XID.setWatches, OP.setWatches, (writer) => {
    writer.long(lastZxid);
    for (const target of ["data", "exist", "child"] as const) {
      writer.vector(watches.paths(target), (path) => writer.text(path));
    }
  });
}

/** Which watches an event uses up. */
const TARGETS: Readonly<Record<WatchEvent["kind"], readonly WatchTarget[]>> = {
  created: ["exist", "data"],
  deleted: ["data", "exist", "child"],
  changed: ["data", "exist"],
  children: ["child"],
};
