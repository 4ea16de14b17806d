import { basename } from "node:path";
import { isatty } from "node:tty";
import { Child } from "../child.ts";
import { command } from "../command.ts";
import { durationText } from "../duration.ts";
import { Interrupted, UsageFailure } from "../failure.ts";
import { planOf, RUN_OPTIONS, type Plan } from "../run-options.ts";
import { catchSignals, isEnding, type Caught } from "../signals.ts";
import { withStore } from "../store.ts";
import { remark } from "../terminal.ts";

export const run = command({
  name: "run",
  summary: "run a command while holding a lock",
  operands: "LOCK -- CMD [ARG…]",
  operandCount: [1, 1],
  takesProgram: true,
  about: [
    "Waits for LOCK, first come, first served over all machines, runs CMD, and gives the lock " +
      "back. As with flock(1), there is no shell in between, CMD has the standard input, output " +
      "and error of holdfast, signals are passed on to it, and its exit status is that of " +
      "holdfast.",
    "The lock is a lease, renewed while CMD runs. Is it lost (the store cannot be reached for " +
      "as long as it lasts, holdfast was paused for longer, or somebody has forced a release), " +
      "then holdfast ends CMD: TERM, and KILL after the grace. Nobody can end CMD when holdfast " +
      "itself was killed with KILL; the lock is free after the --ttl at the latest. So let what " +
      "CMD writes to check the token: only that is a guarantee.",
    "CMD finds in its environment LOCK_HELD=true, LOCK_NAME, LOCK_TOKEN (the fencing token: " +
      "higher for each later holder; with --shared and --permits it only tells holders apart) " +
      "and LOCK_EXPIRES_AT (when the lease as granted would end without renewal, by this " +
      "machine's clock).",
    "--exclusive and --shared are the two sides of a program's hf.rwLock(LOCK), --permits is its " +
      "hf.semaphore(LOCK). A lock has one kind for all who use it at the same time.",
  ],
  options: RUN_OPTIONS,
  examples: [
    [
      "holdfast run --url redis://db:6379 nightly -- ./backup.sh",
      "one backup at a time, the others queue",
    ],
    ["holdfast run -n -E 0 nightly -- ./backup.sh", "for cron: skip this time if it still runs"],
    [
      "holdfast run -w 30s --permits 1/4 encoders -- sh -c 'ffmpeg … && mv …'",
      "four at a time, in a shell",
    ],
  ],
  exits: [
    ["CMD's", "CMD ran; 128 + n if signal n ended it"],
    ["64", "the command line was not understood"],
    ["69", "the store cannot be reached"],
    ["75", "the lock was not acquired (or CODE of --conflict-exit-code); CMD did not run"],
    ["79", "the lease was lost while CMD ran: treat its work as not exclusive"],
    ["126, 127", "CMD cannot be executed; was not found"],
    ["128 + n", "signal n ended holdfast while it waited; CMD did not run"],
  ],

  async run({ values, operands: [name = ""], program }) {
    const [file, ...args] = program ?? [];
    if (file === undefined) {
      throw new UsageFailure(
        'there is no command after "--"',
        `Write: holdfast run ${name} -- CMD [ARG…]`,
      );
    }
    const plan = planOf(values);
    const waiting = new AbortController();
    let receive = (signal: Caught): void => {
      if (isEnding(signal)) waiting.abort(new Interrupted(signal));
    };
    catchSignals((signal) => receive(signal));
    const [{ acquire, CLAIM_MS }, { hold }] = await Promise.all([
      import("../acquire.ts"),
      import("../hold.ts"),
    ]);
    const options = {
      label: basename(file),
      ttlMs: plan.ttlMs,
      claimMs: CLAIM_MS,
      signal: waiting.signal,
    };
    return withStore(values, options, async (hf) => {
      const acquired = await acquire(hf, name, plan, waiting.signal);
      if (acquired === null) return notAcquired(name, plan);
      const { lease, expiresAt } = acquired;
      const start = (): Child => {
        const child = new Child(file, args, {
          ...process.env,
          LOCK_HELD: "true",
          LOCK_NAME: name,
          LOCK_TOKEN: lease.token.toString(),
          LOCK_EXPIRES_AT: expiresAt.toISOString(),
        });
        receive = (signal) => child.forward(signal);
        return child;
      };
      return hold(lease, plan, start);
    });
  },
});

function notAcquired(name: string, { conflictExit, verbose, waitMs = 0 }: Plan): number {
  // Silent in scripts, as flock is: that somebody else runs is then no news but the exit status.
  if (verbose || isatty(2)) {
    const when = waitMs === 0 ? "is not free" : `was not free within ${durationText(waitMs)}`;
    remark(`"${name}" ${when}\n  See who has it with: holdfast inspect ${name}`);
  }
  return conflictExit;
}
