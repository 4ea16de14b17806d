import type { Page } from "../../backend.ts";

/** The length in front keeps namespaces apart whatever characters they and the names contain. */
export const path = (namespace: string, name: string): string => `${namespace.length}:${namespace}${name}`;

/** Compares texts by their bytes in UTF-8. */
export const binaryOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Names in binary order of their UTF-8 text, within the page's prefix and after its start. */
export function pageOf(names: readonly string[], { prefix = "", after }: Page): readonly string[] {
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .filter(({ bytes }) => after === undefined || bytes.compare(Buffer.from(after)) > 0)
    .map(({ name }) => name);
}
