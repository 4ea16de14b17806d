/** Largest value of a record, in bytes of JSON. */
export const VALUE_MAX_BYTES = 8 * 1024 * 1024;
const MESSAGES_MAX_BYTES = 1024 * 1024;

/** A value as JSON text. @throws TypeError, RangeError before any I/O. */
export function encode(key: string, value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined || value === null || text === "null") {
    throw new TypeError(
      `the value of "${key}" is ${value === null ? "null" : typeof value}, which is no JSON value to keep: ` +
        "use delete() to remove a record",
    );
  }
  return within(text, VALUE_MAX_BYTES, `the value of "${key}"`);
}

/** Messages as JSON text; undefined if there are none. @throws TypeError, RangeError before any I/O. */
export function encodeMessages(key: string, messages: readonly unknown[] = []): string | undefined {
  if (!Array.isArray(messages)) {
    throw new TypeError(`messages of "${key}" must be a list: messages: [{ … }]`);
  }
  if (messages.length === 0) return undefined;
  return within(JSON.stringify(messages), MESSAGES_MAX_BYTES, `the messages of "${key}"`);
}

function within(text: string, most: number, what: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > most)
    throw new RangeError(`${what} has ${bytes} bytes as JSON, but at most ${most} can be kept`);
  return text;
}
