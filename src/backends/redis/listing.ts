import type { Inspection, Page } from "../../backend.ts";
import type { Connection, Send } from "./client.ts";
import { laneOf, type Keys } from "./keys.ts";
import type { Locks } from "./locks.ts";

/** Keys looked at in one step of a server's scan. */
const SCAN_COUNT = "1000";
/** Locks inspected in one call, so that no other call waits long. */
const INSPECT_MAX = 128;

/**
 * Locks in use, by name. There is no index, which every lock would have to pay for: the whole
 * keyspace is scanned, in steps that hold up the server little.
 */
export async function list(
  connection: Connection,
  keys: Keys,
  locks: Locks,
  { prefix = "", after, limit }: Page,
): Promise<readonly Inspection[]> {
  const start = after === undefined ? undefined : Buffer.from(after);
  const names = [...(await scan(connection, keys.locks(prefix)))]
    .filter((key) => keys.isLock(key))
    .map((key) => keys.resource(key))
    .filter((name) => name.startsWith(prefix))
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .filter(({ bytes }) => start === undefined || bytes.compare(start) > 0)
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ name }) => name);
  const found: Inspection[] = [];
  // Of the names in the keyspace many may be idle and only remembered.
  for (let at = 0; at < names.length && found.length < limit; at += INSPECT_MAX) {
    const inspections = await inspect(connection, keys, locks, names.slice(at, at + INSPECT_MAX));
    found.push(...inspections.filter(({ places }) => places.length > 0));
  }
  return found.slice(0, limit);
}

/** A key may be seen more than once, and in two masters while its slot moves. */
async function scan(connection: Connection, pattern: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const scanOne = async (send: Send): Promise<void> => {
    let cursor = "0";
    do {
      const page = await send(["SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT]);
      const [next, names] = page as readonly [string, readonly string[]];
      for (const name of names) found.add(name);
      cursor = String(next);
    } while (cursor !== "0");
  };
  await Promise.all((await connection.masters()).map(scanOne));
  return found;
}

/** In the order of the names; in a cluster, with a call for each slot. */
async function inspect(
  connection: Connection,
  keys: Keys,
  locks: Locks,
  names: readonly string[],
): Promise<readonly Inspection[]> {
  if (!connection.isCluster) return locks.inspect(names);
  const lanes = new Map<string, string[]>();
  for (const name of names) {
    const lane = laneOf(keys.lock(name));
    lanes.set(lane, [...(lanes.get(lane) ?? []), name]);
  }
  const inspections = await Promise.all([...lanes.values()].map((lane) => locks.inspect(lane)));
  const byName = new Map(inspections.flat().map((inspection) => [inspection.resource, inspection]));
  return names.flatMap((name) => byName.get(name) ?? []);
}
