import type * as Testkit from "holdfast/testkit";
import { memorySubject } from "./memory-subject.ts";
import { redisSubject } from "./redis-subject.ts";
import { sqliteSubject } from "./sqlite-subject.ts";
import { Copy, type Subject } from "./subject.ts";

/**
 * Judges one copy of dist/, in a process of its own since a mutant may never stop. Arguments: the copy's
 * folder and the subject. Prints by whom it was caught, or nothing.
 */
const SUBJECTS: Readonly<Record<string, (copy: Copy) => Promise<Subject>>> = {
  memory: memorySubject,
  sqlite: sqliteSubject,
  redis: redisSubject,
};

/** What stands above the backends is judged on memory. */
const CORE = "core";

const SKIP = [
  {
    case: "tokens: grow over a restart of the store, and durable leases outlive it",
    reason: "a restart is too slow for every mutant",
  },
];

const seeds = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

/** Most mutants meet their fate in the first seeds; the rest is for the stealthy, and for the innocent. */
async function catcher(root: string, name: string): Promise<string> {
  const copy = new Copy(root);
  const kit = await copy.load<typeof Testkit>("testkit/index.js");
  const subject = await (name === CORE ? memorySubject : SUBJECTS[name])?.(copy);
  if (subject === undefined) throw new RangeError(`there is no subject "${name}"`);
  const { simulated: open, environment } = subject;
  const trials: (() => Promise<unknown>)[] =
    name === CORE
      ? [() => kit.simulateCoordinators({ open, seeds: seeds(1, 250) })]
      : [
          () => kit.simulate({ open, seeds: seeds(1, 10) }),
          () => runKit(kit.conformance({ open: environment, skip: SKIP })),
          () => kit.simulate({ open, seeds: seeds(10, 60) }),
        ];
  for (const trial of trials) {
    try {
      await trial();
    } catch (error) {
      return String(error).split("\n")[0] ?? "";
    }
  }
  return "";
}

async function runKit(cases: readonly Testkit.RunnableCase[]): Promise<void> {
  for (const { name, skip, run } of cases) {
    if (skip !== undefined) continue;
    await run().catch((error: unknown) => {
      throw new Error(`${name}: ${String(error)}`);
    });
  }
}

const [root = "", name = ""] = process.argv.slice(2);
process.stdout.write(await catcher(root, name));
process.exit(0);
