import { createHash } from "node:crypto";

/** A statement that is made often enough for the server to keep it, where it can. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Its name stands for its text, within the 63 bytes that names may have. */
export const statement = (text: string): Statement => ({
  name: `holdfast_${createHash("md5").update(text).digest("hex")}`,
  text,
});

export const parameters = (count: number): string =>
  Array.from({ length: count }, (_, index) => `$${index + 1}`).join(", ");
