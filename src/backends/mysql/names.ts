/** What procedures and tables are called. */
export interface Names {
  readonly prefix: string;
  table(name: "meta" | "space" | "lock" | "mail" | "collection" | "record" | "version" | "entry"): string;
  procedure(name: string): string;
}

/**
 * Names in the database of the connection. Lower case only: whether upper case makes a difference
 * depends on the server's file system. Nothing in them needs quotes.
 *
 * @throws RangeError on a prefix that is no plain name.
 */
export function namesWith(prefix: string, version: number): Names {
  if (typeof prefix !== "string" || !/^[a-z][a-z0-9_]{0,31}$/.test(prefix)) {
    throw new RangeError(
      'prefix must be 1 to 32 lower-case letters, digits or "_", and start with a letter: ' +
        `not "${String(prefix)}"`,
    );
  }
  return {
    prefix,
    table: (name) => `${prefix}${name}`,
    procedure: (name) => `${prefix}${name}_${version}`,
  };
}
