import { createInterface } from "node:readline/promises";
import { isatty } from "node:tty";
import type { LockView } from "../../index.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { checked, UsageFailure } from "../failure.ts";
import { operator } from "../owner-text.ts";
import { placeTable } from "../place-table.ts";
import { STORE_OPTIONS, withStore } from "../store.ts";
import { print, printable, printJson, remark } from "../terminal.ts";

export const forceRelease = command({
  name: "force-release",
  summary: "take a lock away from its holders, with a reason that is kept",
  operands: "LOCK",
  operandCount: [1, 1],
  about: [
    "Ends the leases of all holders of LOCK (or one of them, --lease), and hands over to the " +
      "next waiter. Their fencing tokens are stale from this very step on: fenced writes of a " +
      "former holder are refused. What it does otherwise cannot be stopped from here; a program " +
      "hears by its lost signal, and `holdfast run` ends its command.",
    "Who did it, when and why is kept with the lock; `holdfast inspect` shows it. On a " +
      "terminal it shows the holders and asks for the lock's name first.",
  ],
  options: {
    reason: { type: "string", value: "TEXT", help: "why, for those who look later; required" },
    lease: {
      type: "string",
      value: "ID",
      help: "only this holder, by the lease that `holdfast inspect` shows",
    },
    yes: { type: "boolean", help: "do not ask; required where there is no terminal to ask on" },
    json: { type: "boolean", help: "print the places that were revoked as one JSON document" },
    ...STORE_OPTIONS,
  },
  examples: [
    [
      'holdfast force-release nightly --reason "stuck since 3 am, see job 17"',
      "looks, asks, revokes",
    ],
    ['holdfast force-release nightly --reason "host is gone" --yes', "in a script"],
  ],
  exits: [
    ["0", "somebody held it, and does not any more"],
    ["1", "nobody held it, or it was not confirmed: nothing was done"],
    ["64", "the command line was not understood"],
    ["69", "the store cannot be reached"],
  ],

  run({ values, operands: [name = ""] }) {
    const { json = false, lease, reason, yes = false } = values;
    if (reason === undefined) {
      throw new UsageFailure(
        "a forced release needs a reason",
        'Write --reason "…": it is kept with the lock.',
      );
    }
    if (!yes && !isatty(0)) {
      throw new UsageFailure("there is no terminal to ask on", "Write --yes if you are sure.");
    }
    return withStore(values, { label: operator() }, async (hf) => {
      const lock = await checked(() => hf.inspect(name));
      if (!yes && lock.holders.length > 0 && !(await isConfirmed(lock))) {
        remark("not confirmed, nothing was done");
        return EXIT.no;
      }
      const which = lease === undefined ? {} : { leaseId: lease };
      const places = await checked(() => hf.forceRelease(name, { reason, ...which }));
      if (json) printJson(places);
      else if (places.length > 0) print(`Revoked:\n${placeTable("HOLDER", places, lock)}`);
      if (places.length > 0) return EXIT.ok;
      remark(
        `${lease === undefined ? "nobody" : `no lease "${lease}"`} held "${printable(name)}": ` +
          "nothing was done",
      );
      return EXIT.no;
    });
  },
});

async function isConfirmed(lock: LockView): Promise<boolean> {
  const name = printable(lock.resource);
  const holders = placeTable("HOLDER", lock.holders, lock);
  const question = `${holders}\nTo take "${name}" away, type its name: `;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D close it, and leave the question unanswered.
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  const answer = await Promise.race([terminal.question(question), closed]);
  terminal.close();
  return answer === name;
}
