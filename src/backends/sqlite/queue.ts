import { FORGOTTEN_MAX } from "../../backend.ts";

/** A place as the row keeps it. `token` 0: still waiting. */
export interface KeptPlace {
  readonly leaseId: string;
  /** JSON text: nobody but onlookers wants to know. */
  readonly owner: string;
  readonly permits: number;
  readonly claimMs: number;
  token: number;
  since: number;
  expiresAt: number;
}

/** What a step needs to know of a resource. */
export interface Queue {
  capacity: number;
  /** Highest token ever minted. */
  last: number;
  /** When the row may go, if nothing happens until then; 0: there is no row yet. */
  forgetAt: number;
  /** In order of arrival. */
  places: KeptPlace[];
  /**
   * Places that ended, oldest first: a line each, `+` when by its release or `-`, and the lease id
   * in JSON.
   */
  ended: string;
}

export const emptyQueue = (): Queue => ({ capacity: 0, last: 0, forgetAt: 0, places: [], ended: "" });

type FlatPlace = readonly [string, string, number, number, number, number, number];
type FlatQueue = readonly [number, number, number, ...FlatPlace[]];

/**
 * A queue as the row keeps it: a line of JSON, then the lines of `ended`. Every step reads and
 * writes this text. One column takes less time than several, arrays less than objects, and what
 * ended is not taken apart.
 */
export function queueText({ capacity, last, forgetAt, places, ended }: Queue): string {
  const flat = places.map(
    ({ leaseId, owner, permits, claimMs, token, since, expiresAt }): FlatPlace => [
      leaseId,
      owner,
      permits,
      claimMs,
      token,
      since,
      expiresAt,
    ],
  );
  return `${JSON.stringify([capacity, last, forgetAt, ...flat])}\n${ended}`;
}

export function queueOf(text: string): Queue {
  const end = text.indexOf("\n");
  const [capacity, last, forgetAt, ...flat] = JSON.parse(text.slice(0, end)) as FlatQueue;
  const places = flat.map(
    ([leaseId, owner, permits, claimMs, token, since, expiresAt]): KeptPlace => ({
      leaseId,
      owner,
      permits,
      claimMs,
      token,
      since,
      expiresAt,
    }),
  );
  return { capacity, last, forgetAt, places, ended: text.slice(end + 1) };
}

/** How the place ended; undefined: it has not, or so long ago that nobody remembers. */
export function endOf(leaseId: string, { ended }: Queue): "released" | "otherwise" | undefined {
  const line = `${JSON.stringify(leaseId)}\n`;
  if (ended.includes(`+${line}`)) return "released";
  return ended.includes(`-${line}`) ? "otherwise" : undefined;
}

export function rememberEnd(queue: Queue, leaseId: string, released: boolean): void {
  queue.ended += `${released ? "+" : "-"}${JSON.stringify(leaseId)}\n`;
  let lines = 0;
  for (let at = queue.ended.indexOf("\n"); at >= 0; at = queue.ended.indexOf("\n", at + 1)) lines += 1;
  if (lines > FORGOTTEN_MAX) queue.ended = queue.ended.slice(queue.ended.indexOf("\n") + 1);
}
