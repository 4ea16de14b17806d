import type { Page } from "../../backend.ts";
import { stored } from "./names.ts";

/** No name of 1,024 bytes sorts after its prefix and this much of the last character there is. */
const LAST = "\u{10FFFF}".repeat(256);

/** What the server takes for a limit. */
const LIMIT_MAX = 2 ** 31 - 1;

/** The page's names lie between these two, both included. */
export function range({ prefix = "", after, limit }: Page): {
  readonly lowest: string;
  readonly highest: string;
  readonly limit: number;
} {
  const isLater = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  return {
    // No text lies between a name and the same with the lowest character behind it.
    lowest: isLater ? `${stored(after)}\u0001` : stored(prefix),
    highest: stored(prefix) + LAST,
    limit: Math.min(limit, LIMIT_MAX),
  };
}
