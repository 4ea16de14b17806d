import type { LockView } from "../../index.ts";
import { command } from "../command.ts";
import { relativeTime } from "../duration.ts";
import { EXIT } from "../exit-codes.ts";
import { checked } from "../failure.ts";
import { kindText } from "../lock-text.ts";
import { ownerText } from "../owner-text.ts";
import { placeTable } from "../place-table.ts";
import { STORE_OPTIONS, withStore } from "../store.ts";
import { paint, print, printable, printJson } from "../terminal.ts";

export const inspect = command({
  name: "inspect",
  summary: "show who holds a lock and who waits for it, in order",
  operands: "LOCK",
  operandCount: [1, 1],
  about: [
    "Shows the holders of LOCK, then the waiters in the order in which they will get it, and " +
      "the last forced releases. Looking changes nothing. Times count by the store's clock.",
    "The token of a holder is its fencing token. A program that passes a lock on among its own " +
      "callers counts it up by itself; shown is the first.",
  ],
  options: {
    json: { type: "boolean", help: "one JSON document; tokens are strings, times ms since 1970" },
    ...STORE_OPTIONS,
  },
  examples: [
    ["holdfast inspect --url redis://db:6379 nightly", "who has it, since when, and who is next"],
    ["holdfast inspect nightly --json | jq '.waiters | length'", "how many wait, for a script"],
  ],
  exits: [
    ["0", "also when nobody holds it"],
    ["64", "the command line was not understood"],
    ["69", "the store cannot be reached"],
  ],

  run({ values, operands: [name = ""] }) {
    return withStore(values, {}, async (hf) => {
      const lock = await checked(() => hf.inspect(name));
      if (values.json === true) printJson(lock);
      else print(describe(lock));
      return EXIT.ok;
    });
  },
});

function describe(lock: LockView): string {
  const { capacity, holders, now, resource, revocations, waiters } = lock;
  const name = paint(printable(resource), "bold");
  const parts =
    holders.length + waiters.length === 0
      ? [`${name} is free: nobody holds it, nobody waits for it.`]
      : [`${name} (${kindText(capacity)}): ${holders.length} holding, ${waiters.length} waiting`];
  if (holders.length > 0) parts.push(placeTable("HOLDER", holders, lock));
  if (waiters.length > 0) parts.push(placeTable("WAITER", waiters, lock));
  if (revocations.length > 0) {
    const lines = revocations.map(
      ({ at, by, reason, tokens }) =>
        `  ${relativeTime(at, now)} by ${printable(ownerText(by))}: ${printable(reason)} ` +
        `(token ${tokens.join(", ")})`,
    );
    parts.push(["Forced releases:", ...lines].join("\n"));
  }
  return parts.join("\n\n");
}
