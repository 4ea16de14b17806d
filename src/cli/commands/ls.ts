import type { LockView } from "../../index.ts";
import { command } from "../command.ts";
import { relativeTime } from "../duration.ts";
import { EXIT } from "../exit-codes.ts";
import { kindText } from "../lock-text.ts";
import { ownerText } from "../owner-text.ts";
import { STORE_OPTIONS, withStore } from "../store.ts";
import { print, printJson } from "../terminal.ts";
import { table } from "../table.ts";

export const ls = command({
  name: "ls",
  summary: "list the locks that are held or waited for",
  operands: "[PREFIX]",
  operandCount: [0, 1],
  about: [
    "Shows every lock that somebody holds or waits for right now, by name; with PREFIX, those " +
      "whose names start with it. Looking changes nothing. Locks of other namespaces are not " +
      "shown.",
    "Callers that wait behind others of their own process are known to that process only, and are " +
      "not counted.",
  ],
  options: {
    json: {
      type: "boolean",
      help: "one JSON document per line and lock, as it comes; tokens are strings",
    },
    ...STORE_OPTIONS,
  },
  examples: [
    ["holdfast ls --url redis://db:6379", "everything"],
    ["holdfast ls invoice: --json | jq -r .resource", "the names of some, for a script"],
  ],
  exits: [
    ["0", "also when there is nothing to list"],
    ["64", "the command line was not understood"],
    ["69", "the store cannot be reached"],
  ],

  run({ values, operands: [prefix = ""] }) {
    return withStore(values, {}, async (hf) => {
      const rows: string[][] = [];
      for await (const lock of hf.list({ prefix })) {
        if (values.json === true) printJson(lock);
        else rows.push(rowOf(lock));
      }
      if (values.json === true) return EXIT.ok;
      const heading = ["LOCK", "KIND", "HOLDERS", "WAITERS", "FIRST HOLDER", "SINCE", "EXPIRES"];
      const scope = prefix === "" ? "" : ` of those that start with "${prefix}"`;
      print(rows.length > 0 ? table(heading, rows) : `No lock${scope} is held or waited for.`);
      return EXIT.ok;
    });
  },
});

function rowOf({ resource, now, capacity, holders, waiters }: LockView): string[] {
  const [first] = holders;
  const counts = [String(holders.length), String(waiters.length)];
  const held =
    first === undefined
      ? ["", "", ""]
      : [ownerText(first.owner), relativeTime(first.since, now), relativeTime(first.expires, now)];
  return [resource, kindText(capacity), ...counts, ...held];
}
