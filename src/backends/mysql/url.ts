import type { MysqlOptions } from "./options.ts";

/**
 * Takes Holdfast's parameters out of a URL; all others are the client's.
 *
 * @throws TypeError if it is no URL, or names no database.
 */
export function parseUrl(text: string): { readonly url: string; readonly options: MysqlOptions } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^\/[^/]+$/.test(url.pathname)) {
    throw new TypeError("no URL of a database: write mysql://user:password@host:3306/database");
  }
  const prefix = url.searchParams.get("prefix");
  url.searchParams.delete("prefix");
  return {
    url: url.href.replace(/^mariadb:/, "mysql:"),
    options: prefix === null ? {} : { prefix },
  };
}
