import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { generatedAdmin, givenAdmin, type FirstAdmin } from "../domain/first-admin.ts";

export interface Options {
  readonly nodes: number;
  readonly url: string;
  readonly locks: string | null;
  readonly host: string;
  readonly port: number;
  readonly data: string;
  readonly admin: FirstAdmin;
}

export const HELP = `The Holdfast CRM: several nodes on one store, any of which serves any request.

  npm start -- [options]        node apps/crm/dist/main.js [options]

  --nodes N               how many processes, 1 to 32                    (3)
  --port P                node i listens on P + i - 1; 0: any free ones  (4100)
  --host H                address to listen on                           (127.0.0.1: this machine only)
  --data DIR              folder for the embedded store                  (data)
  --url URL               the store                                      (sqlite: a file in --data)
  --locks URL             keep only the locks in another store           (the same as --url)
  --admin EMAIL:PASSWORD  who may sign in first; an account that exists gets this password
                          (made up and printed at the first start)
  --help

For example

  npm start                                            three nodes on one SQLite file
  npm start -- --nodes 5 --url redis://127.0.0.1:6379  five nodes on Redis
  npm start -- --locks redis://127.0.0.1:6379          records in SQLite, locks in Redis
  npm start -- --admin ann@example.com:correct-horse   sign in as Ann

Stop all nodes by Ctrl-C. Kill one (its pid is printed): the others go on, and it is started again.`;

/** Something on the command line does not make sense; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `null`: help was asked for. @throws UsageError */
export function parseOptions(args: readonly string[]): Options | null {
  const values = parsed(args);
  if (values.help === true) return null;
  const data = values.data ?? "data";
  const url = values.url ?? `sqlite:${join(readable(data), "crm.db")}`;
  const isMemory = url.startsWith("memory:");
  const nodes = wholeNumber("--nodes", values.nodes ?? (isMemory ? "1" : "3"), 1, 32);
  if (isMemory && nodes > 1) {
    throw new UsageError("memory: is one process's own. Use --nodes 1, or a store that processes share");
  }
  const port = wholeNumber("--port", values.port ?? "4100", 0, 65_535);
  if (port + nodes - 1 > 65_535)
    throw new UsageError(`--port ${port} leaves no room for ${nodes} nodes`);
  return {
    nodes,
    url,
    locks: values.locks ?? null,
    host: values.host ?? "127.0.0.1",
    port,
    data,
    admin: values.admin === undefined ? generatedAdmin() : adminOf(values.admin),
  };
}

function parsed(
  args: readonly string[],
): { [name in keyof typeof FLAGS]?: string } & { help?: boolean } {
  try {
    return parseArgs({ args: [...args], options: { ...FLAGS, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

const FLAGS = {
  nodes: { type: "string" },
  url: { type: "string" },
  locks: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  data: { type: "string" },
  admin: { type: "string" },
} as const;

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} takes a whole number from ${min} to ${max}, not "${text}"`);
}

function adminOf(text: string): FirstAdmin {
  const [, email = "", password = ""] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  try {
    return givenAdmin(email, password);
  } catch {
    throw new UsageError(
      "--admin takes an e-mail address, a colon and a password: ann@example.com:correct-horse",
    );
  }
}

/** Paths below the working directory stay short. */
function readable(path: string): string {
  const short = relative(process.cwd(), resolve(path));
  return short.startsWith("..") ? resolve(path) : short;
}
