/**
 * Where things are kept. A place has a key of its own, so that etcd's create revision is its position in the
 * queue, exactly as `clientv3/concurrency` and `etcdctl lock` have it:
 *
 *     <namespace>/<resource>/<process id>:<slot>   a place; theirs is <name>/<lease in hex>
 *     <namespace>/~forced/<resource>               the last forced releases
 *
 * Any key that begins with the first two parts is a place, whoever wrote it. A process uses its keys of a
 * resource again: until it is compacted, etcd looks at every key that was ever in a range.
 */
export interface Keyspace {
  /** All keys of the namespace. */
  readonly all: string;
  /** The keys of forced releases. */
  readonly forced: string;
  placesOf(resource: string): string;
  placeOf(resource: string, processId: string, slot: number): string;
  forcedOf(resource: string): string;
  /** What a key is of; undefined: nothing of ours. */
  parse(key: string): ParsedKey | undefined;
}

export interface ParsedKey {
  readonly kind: "place" | "forced";
  readonly resource: string;
  /** What stands behind the resource. */
  readonly rest: string;
}

const FORCED = "~forced";

/** Plain names stay as they are. A name that could be taken for more than one part, or for ours, does not. */
const escaped = (name: string): string =>
  name.replace(/[%/]/g, encodeURIComponent).replaceAll("~", "%7E");

const restored = (text: string): string => text.replace(/%(25|2F|7E)/g, decodeURIComponent);

export function keyspace(namespace: string): Keyspace {
  const all = `${escaped(namespace)}/`;
  const forced = `${all}${FORCED}/`;
  const placesOf = (resource: string): string => `${all}${escaped(resource)}/`;
  return {
    all,
    forced,
    placesOf,
    placeOf: (resource, processId, slot) => `${placesOf(resource)}${processId}:${slot}`,
    forcedOf: (resource) => forced + escaped(resource),
    parse(key) {
      const [first, second, ...more] = key.slice(all.length).split("/");
      if (!key.startsWith(all) || first === undefined || second === undefined) return undefined;
      if (first === FORCED) return { kind: "forced", resource: restored(second), rest: "" };
      return { kind: "place", resource: restored(first), rest: [second, ...more].join("/") };
    },
  };
}

/** The key behind all keys with this prefix. `/` ends each of ours, and `0` follows it. */
export const behind = (prefix: string): string => `${prefix.slice(0, -1)}0`;

export const base64 = (text: string): string => Buffer.from(text).toString("base64");
export const fromBase64 = (text: string): string => Buffer.from(text, "base64").toString();
