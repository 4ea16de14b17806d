import type { Page } from "../../backend.ts";

/** The length in front keeps namespaces apart whatever characters they and the names contain. */
export const path = (namespace: string, name: string): string => `${namespace.length}:${namespace}${name}`;

/** Names in binary order of their UTF-8 text, within the page's prefix and after its start. */
export function pageOf(names: readonly string[], { prefix = "", after }: Page): readonly string[] {
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .filter(({ bytes }) => after === undefined || bytes.compare(Buffer.from(after)) > 0)
    .map(({ name }) => name);
}
