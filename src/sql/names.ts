const NAME_MAX_BYTES = 1_024;

/** The same names as those of locks. @throws TypeError, RangeError */
export function checkName(name: unknown, what: string): string {
  if (typeof name !== "string") {
    throw new TypeError(`${what} must be a string, not ${name === null ? "null" : typeof name}`);
  }
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_MAX_BYTES) {
    throw new RangeError(
      `${what} must have 1 to ${NAME_MAX_BYTES} bytes of UTF-8, but has ${bytes}; hash what is longer`,
    );
  }
  if (/\p{Surrogate}|\0/u.test(name)) {
    throw new TypeError(`${what} must be well-formed text without NUL, which no database stores`);
  }
  return name;
}

/** What separates applications that share a database. */
export const checkNamespace = (namespace: unknown = "holdfast"): string =>
  checkName(namespace, "namespace");
