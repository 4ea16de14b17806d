import { setTimeout as wait } from "node:timers/promises";
import { connect } from "holdfast";

/** What a writer wrote, in its order. */
export type Written = readonly (readonly [key: string, revision: string])[];

const KEYS = ["a", "b", "c", "d"];

/**
 * Writes to a few records that others write to, too, with pauses: some alone, some combined, some deletions.
 */
export async function writeAll(
  url: string,
  collection: string,
  name: string,
  count: number,
): Promise<Written> {
  const hf = await connect(url);
  const records = hf.records<string>(collection);
  const written: [string, string][] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      const key = KEYS[Math.floor(Math.random() * KEYS.length)]!;
      if (at % 10 === 9) await records.delete(key);
      else if (at % 3 === 0) {
        const edits = Array.from({ length: 3 }, () => records.update(key, () => `${name} ${at}`));
        for (const { record } of await Promise.all(edits)) written.push([key, record!.revision]);
      } else {
        const { revision } = await records.put(key, `${name} ${at}`);
        written.push([key, revision]);
      }
      if (at % 4 === 0) await wait(Math.random() * 8);
    }
  } finally {
    await hf.close();
  }
  return written;
}
