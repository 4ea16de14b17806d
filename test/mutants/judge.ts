import type * as Testkit from "holdfast/testkit";
import { memorySubject } from "./memory-subject.ts";
import { Copy, type Subject } from "./subject.ts";

/**
 * Judges one copy of dist/, in a process of its own since a mutant may never stop. Arguments: the copy's
 * folder and the subject. Prints by whom it was caught, or nothing.
 */
const SUBJECTS: Readonly<Record<string, (copy: Copy) => Promise<Subject>>> = {
  memory: memorySubject,
};

const SEEDS = Array.from({ length: 100 }, (_, at) => at + 1);

async function catcher(root: string, name: string): Promise<string> {
  const copy = new Copy(root);
  const subject = await SUBJECTS[name]?.(copy);
  if (subject === undefined) throw new RangeError(`there is no subject "${name}"`);
  const { conformance, simulate } = await copy.load<typeof Testkit>("testkit/index.js");
  try {
    await simulate({ open: subject.simulated, seeds: SEEDS });
  } catch (error) {
    return `simulator: ${firstLine(error)}`;
  }
  const skip = [
    {
      case: "tokens: grow over a restart of the store, and durable leases outlive it",
      reason: "a restart is too slow for every mutant",
    },
  ];
  for (const { name: promise, skip: reason, run } of conformance({ open: subject.environment, skip })) {
    try {
      if (reason === undefined) await run();
    } catch (error) {
      return `kit, ${promise}: ${firstLine(error)}`;
    }
  }
  return "";
}

const firstLine = (error: unknown): string => String(error).split("\n")[0] ?? "";

const [root = "", name = ""] = process.argv.slice(2);
process.stdout.write(await catcher(root, name));
process.exit(0);
