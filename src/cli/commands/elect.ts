import { hostname } from "node:os";
import { basename } from "node:path";
import type { Coordinator, Term } from "../../index.ts";
import { checkText, TTL_MAX_MS, TTL_MIN_MS } from "../../locks/options.ts";
import { ID_MAX_BYTES, VALUE_MAX_BYTES } from "../../locks/term.ts";
import { Child } from "../child.ts";
import { command, type Options } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { checked, UsageFailure } from "../failure.ts";
import { addressOf, serveLeader, type Address, type Self } from "../leader-http.ts";
import { Reception } from "../reception.ts";
import { STORE_OPTIONS, withStore } from "../store.ts";
import { remark } from "../terminal.ts";

const OPTIONS = {
  id: {
    type: "string",
    value: "ID",
    help: "what the candidate is called, for people and for --http; default HOST:PID",
  },
  value: {
    type: "string",
    value: "TEXT",
    help: "what the leader shows to observers, for instance its address",
  },
  http: {
    type: "string",
    value: "[HOST:]PORT",
    help: "answer HTTP requests with who leads, as JSON; on 127.0.0.1 unless HOST says otherwise",
  },
  ttl: {
    type: "string",
    value: "DUR",
    help:
      "how long the lease lasts without renewal, and so how long nobody leads when this machine " +
      "dies; 50ms to 1d, default 10s",
  },
  grace: {
    type: "string",
    value: "DUR",
    help: "how long CMD has between TERM and KILL; default a fifth of --ttl",
  },
  verbose: { type: "boolean", help: "say on standard error who leads since when" },
  ...STORE_OPTIONS,
} as const satisfies Options;

interface Plan {
  readonly id: string;
  readonly value: string | undefined;
  readonly http: Address | undefined;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly verbose: boolean;
}

export const elect = command({
  name: "elect",
  summary: "run a command while this process is the leader",
  operands: "NAME -- CMD [ARG…]",
  operandCount: [1, 1],
  takesProgram: true,
  about: [
    "Stands for election, first come, first served over all machines, and runs CMD for as long as " +
      "it leads. When CMD ends by itself, so does the candidacy, with its exit status.",
    "When leadership ends before CMD does, CMD is ended, TERM first and KILL after the grace, and " +
      "holdfast stands again: a quarter of the --ttl is left and the lease could not be renewed, " +
      "somebody has asked for a hand-over or forced a release, or holdfast was paused. CMD is " +
      "started anew when it is elected again. A grace of up to a quarter of the --ttl lets CMD end " +
      "before its successor starts, also when the store is out of reach.",
    "CMD finds in its environment LOCK_HELD=true, LOCK_NAME and LOCK_TOKEN, the number of the term: " +
      "higher for each later leader. Let what CMD writes to check it: only that is a guarantee.",
    "An election is a program's hf.election(NAME). inspect and force-release take NAME as a lock.",
  ],
  options: OPTIONS,
  examples: [
    ["holdfast elect scheduler -- node scheduler.js", "one scheduler, the others stand by"],
    ["holdfast elect --http 4040 --value http://a:80 api -- ./api", "curl localhost:4040 says who leads"],
  ],
  exits: [
    ["CMD's", "CMD ended by itself; 128 + n if signal n ended it"],
    ["64", "the command line was not understood"],
    ["69", "the store could not be opened"],
    ["70", "--http: nobody can listen there"],
    ["126, 127", "CMD cannot be executed; was not found"],
    ["128 + n", "signal n ended holdfast while it did not lead"],
  ],

  async run({ values, operands: [name = ""], program }) {
    const [file, ...args] = program ?? [];
    if (file === undefined) {
      const remedy = `Write: holdfast elect ${name} -- CMD [ARG…]`;
      throw new UsageFailure('there is no command after "--"', remedy);
    }
    const plan = await checked(() => planOf(values));
    const reception = new Reception();
    const { signal } = reception;
    const options = { label: basename(file), ttlMs: plan.ttlMs, signal };
    return withStore(values, options, (hf) => {
      const start = (term: Term): Child => {
        const environment = { LOCK_HELD: "true", LOCK_NAME: name, LOCK_TOKEN: term.token.toString() };
        return new Child(file, args, { ...process.env, ...environment });
      };
      return stand(hf, name, plan, reception, start);
    });
  },
});

async function stand(
  hf: Coordinator,
  name: string,
  plan: Plan,
  reception: Reception,
  start: (term: Term) => Child,
): Promise<number> {
  const election = await checked(() => hf.election(name));
  const self: Self = { id: plan.id, term: null };
  const server = plan.http === undefined ? undefined : await serveLeader(election, self, plan.http);
  const tell = (what: string): void => {
    if (plan.verbose) remark(`${what} "${name}"`);
  };
  tell(`"${plan.id}" stands for`);
  try {
    return await checked(() =>
      election.lead(
        plan.id,
        async (term) => {
          self.term = term.token;
          tell(`"${plan.id}" leads, in term ${term.token},`);
          try {
            return await rule(term, plan, reception, start);
          } finally {
            self.term = null;
            tell(`"${plan.id}" no longer leads`);
          }
        },
        { signal: reception.signal },
      ),
    );
  } finally {
    server?.close();
  }
}

/** Runs CMD until it ends, or, when the term ends first, ends it. */
async function rule(
  term: Term,
  { graceMs, value }: Plan,
  reception: Reception,
  start: (term: Term) => Child,
): Promise<number> {
  term.signal.throwIfAborted();
  const child = start(term);
  // Observers can do without it, CMD need not wait for it.
  if (value !== undefined) term.proclaim(value).catch(() => undefined);
  reception.handTo(child);
  let ending: Promise<void> | undefined;
  const onEnd = (): void => {
    ending = child.end(graceMs);
  };
  term.signal.addEventListener("abort", onEnd, { once: true });
  if (term.signal.aborted) onEnd();
  try {
    const status = await child.ended;
    term.signal.removeEventListener("abort", onEnd);
    await ending;
    return status;
  } finally {
    reception.takeBack(ending !== undefined);
  }
}

function planOf(values: {
  readonly id?: string;
  readonly value?: string;
  readonly http?: string;
  readonly ttl?: string;
  readonly grace?: string;
  readonly verbose?: boolean;
}): Plan {
  const ttlMs = parseDuration(values.ttl ?? "10s", "--ttl");
  if (ttlMs < TTL_MIN_MS || ttlMs > TTL_MAX_MS) {
    throw new UsageFailure(`--ttl ${values.ttl} is out of bounds`, "Write 50ms to 1d; 10s is the default.");
  }
  return {
    id: checkText(values.id ?? `${hostname()}:${process.pid}`.slice(-ID_MAX_BYTES), "--id", 1, ID_MAX_BYTES),
    value:
      values.value === undefined ? undefined : checkText(values.value, "--value", 0, VALUE_MAX_BYTES),
    http: values.http === undefined ? undefined : addressOf(values.http),
    ttlMs,
    graceMs: values.grace === undefined ? Math.ceil(ttlMs / 5) : parseDuration(values.grace, "--grace"),
    verbose: values.verbose ?? false,
  };
}
