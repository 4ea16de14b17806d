/**
 * Text for the database, which takes no NUL. Keeps the binary order of the names, and what is a
 * prefix of what.
 */
export function stored(name: string): string {
  if (!name.includes("\u0000") && !name.includes("\u0001")) return name;
  return name.replaceAll("\u0001", "\u0001\u0002").replaceAll("\u0000", "\u0001\u0001");
}

export function restored(text: string): string {
  if (!text.includes("\u0001")) return text;
  return text.replaceAll("\u0001\u0001", "\u0000").replaceAll("\u0001\u0002", "\u0001");
}

/**
 * The schema's name as SQL has it. Plain names only: it also stands inside the bodies of functions,
 * which have a quoting of their own.
 *
 * @throws RangeError on other names.
 */
export function schemaName(schema: string): string {
  if (typeof schema !== "string" || !/^[a-z_][a-z0-9_]{0,62}$/i.test(schema) || /^pg_/i.test(schema)) {
    throw new RangeError(
      'schema must be 1 to 63 letters, digits or "_", and not start with a digit or "pg_": ' +
        `not "${String(schema)}"`,
    );
  }
  return `"${schema}"`;
}
