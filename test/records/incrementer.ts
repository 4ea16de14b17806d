import { ConflictError, type RecordHead, type Records } from "holdfast";

export const COUNTER = "n";

/** Adds one, once for each `opId`. */
export async function increment(numbers: Records<number>, opId: string): Promise<RecordHead<number>> {
  for (;;) {
    const head = await numbers.get(COUNTER);
    const condition = { ifRevision: head?.revision ?? null, opId };
    try {
      return await numbers.put(COUNTER, (head?.value ?? 0) + 1, condition);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
