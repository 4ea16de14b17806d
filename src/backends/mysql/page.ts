import type { Page } from "../../backend.ts";

/** No name of 1,024 bytes sorts after its prefix and this much of the last character there is. */
const LAST = Buffer.from("\u{10FFFF}".repeat(256));

/** What every server takes for a limit. */
const LIMIT_MAX = 2 ** 31 - 1;

export const limited = (limit: number): number => Math.min(limit, LIMIT_MAX);

/** The page's names lie between these two, both included. */
export function range({ prefix = "", after, limit }: Page): {
  readonly lowest: Buffer;
  readonly highest: Buffer;
  readonly limit: number;
} {
  const start = Buffer.from(prefix);
  const last = after === undefined ? undefined : Buffer.from(after);
  const isLater = last !== undefined && Buffer.compare(last, start) >= 0;
  return {
    // No text lies between a name and the same with the lowest byte behind it.
    lowest: isLater ? Buffer.concat([last, Buffer.alloc(1)]) : start,
    highest: Buffer.concat([start, LAST]),
    limit: limited(limit),
  };
}
