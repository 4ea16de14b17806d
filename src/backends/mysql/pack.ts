/**
 * Arguments of procedures: MySQL has no lists to hand over. Numbers are digits of a fixed width,
 * and texts come with their lengths, in bytes.
 */
export function packed(lists: readonly (readonly Part[])[]): Buffer {
  return Buffer.concat(lists.flatMap((parts) => parts.map(bytesOf)));
}

export type Part = Buffer | readonly [value: number | bigint, width: number];

function bytesOf(part: Part): Buffer {
  if (Buffer.isBuffer(part)) return part;
  const [value, width] = part as readonly [number | bigint, number];
  return Buffer.from(String(value).padStart(width, "0"), "latin1");
}

/** Milliseconds: whole ones, rounded up, of at most 12 digits. */
export const wholeMs = (ms: number): number => Math.min(Math.ceil(ms), 999_999_999_999);

/** Indices in an order that only the texts decide on, and for equal texts their place. */
export function inOrder<T>(items: readonly T[], text: (item: T) => string): readonly number[] {
  const indices = items.map((_, index) => index);
  if (items.length === 1) return indices;
  const texts = items.map(text);
  return indices.sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : a - b));
}
