import { join } from "node:path";
import type { FirstAdminOutcome } from "../domain/first-admin.ts";
import type { Serving } from "./fleet.ts";
import type { Options } from "./options.ts";

/** What the user reads first: where the nodes are, who may sign in, and three lines to try. */
export function greeting(options: Options, nodes: readonly Serving[], admin: FirstAdminOutcome): string {
  const { url, locks } = options;
  const store = locks === null ? shown(url) : `${shown(url)}, locks on ${shown(locks)}`;
  return [
    `Holdfast CRM: ${nodes.length === 1 ? "1 node" : `${nodes.length} nodes`} on ${store}`,
    ...nodes.map(({ number, address, pid }) => `  node ${number}  ${address}  (pid ${pid})`),
    "",
    whoMaySignIn(options, admin),
    "",
    "Try it: sign in at one node, write at another, read at a third",
    ...tryLines(options, nodes, admin).map((line) => `  ${line}`),
    "",
    "Ctrl-C stops all nodes. Kill one of them: the others go on, and it comes back.",
  ].join("\n");
}

function whoMaySignIn({ admin: { email, password } }: Options, outcome: FirstAdminOutcome): string {
  switch (outcome) {
    case "created":
      return `Admin ${email}, password ${password} (only its hash is kept: write it down)`;
    case "reset":
      return `Admin ${email} now has the password ${password}; its session has ended`;
    case "unchanged":
      return `Admin ${email}, with the password that you gave`;
    case "others":
      return (
        "There are accounts already; sign in with one of them.\n" +
        "Forgotten? Stop, and start with --admin EMAIL:PASSWORD, which sets the password of an account."
      );
    default:
      return outcome satisfies never;
  }
}

function tryLines(
  { admin, data }: Options,
  nodes: readonly Serving[],
  outcome: FirstAdminOutcome,
): readonly string[] {
  const { email, password } =
    outcome === "others" ? { email: "YOUR-EMAIL", password: "YOUR-PASSWORD" } : admin;
  const at = (index: number): string => nodes[index % nodes.length]?.address ?? "";
  const jar = quoted(join(data, "cookies.txt"));
  const send = (body: object): string =>
    `-H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`;
  return [
    `curl -sS -c ${jar} ${send({ email, password })} ${at(0)}/api/login`,
    `curl -sS -b ${jar} ${send({ name: "Ada Lovelace", tags: ["first"] })} ${at(1)}/api/customers`,
    `curl -sS -b ${jar} ${at(2)}/api/customers`,
  ];
}

/** For a POSIX shell; bare where nothing needs quotes. */
const quoted = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A store's password is nothing for a screen. */
const shown = (url: string): string => url.replace(/\/\/[^/@]*@/, "//***@");
