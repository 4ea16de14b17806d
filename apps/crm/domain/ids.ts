import { createHash, randomBytes } from "node:crypto";

/**
 * A new id that sorts by the time it was made (a UUID of version 7), so that lists by key are lists by
 * age. Unique over nodes by its 74 random bits.
 */
export function newId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const isId = (text: string): boolean =>
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** Unlike `newId` the same for the same text, of fixed length, and safe in names, keys and cookies. */
export function digest(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  // The lengths keep ("ab", "c") and ("a", "bc") apart.
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest("base64url");
}
