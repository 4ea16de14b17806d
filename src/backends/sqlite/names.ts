/**
 * Text for the database, without NUL: libsql, and node:sqlite before Node 24, cut text at the first
 * NUL when they read it back. Keeps the binary order of the names, and what is a prefix of what.
 */
export function stored(name: string): string {
  if (!name.includes("\u0000") && !name.includes("\u0001")) return name;
  return name.replaceAll("\u0001", "\u0001\u0002").replaceAll("\u0000", "\u0001\u0001");
}

export function restored(text: string): string {
  if (!text.includes("\u0001")) return text;
  return text.replaceAll("\u0001\u0001", "\u0000").replaceAll("\u0001\u0002", "\u0001");
}
