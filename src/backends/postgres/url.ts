import { checkedDurability } from "./migration.ts";
import type { PostgresOptions } from "./options.ts";

/** Parameters of a URL that are Holdfast's; all others are the client's. */
const OURS = ["schema", "listen", "durability"] as const;

/** @throws TypeError if it is no URL. */
export function parseUrl(text: string): { readonly url: string; readonly options: PostgresOptions } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError("not a URL: write postgres://user:password@host:5432/database");
  }
  const [schema, listenUrl, durability] = OURS.map((name) => url.searchParams.get(name));
  for (const name of OURS) url.searchParams.delete(name);
  return {
    url: url.href,
    options: {
      ...(schema === null || schema === undefined ? {} : { schema }),
      ...(listenUrl === null || listenUrl === undefined ? {} : { listenUrl }),
      ...(typeof durability === "string" ? { durability: checkedDurability(durability) } : {}),
    },
  };
}
