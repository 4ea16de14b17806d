/** The part of `navigator.locks` that scenarios use: ours and the platform's both fit. */
export interface LockManagerLike {
  request(name: string, ...rest: unknown[]): Promise<unknown>;
  query(): Promise<{ held?: readonly Info[]; pending?: readonly Info[] }>;
}

interface Info {
  readonly name?: string;
  readonly mode?: string;
  readonly clientId?: string;
}

/** What happened, line by line, so that two implementations can be compared. */
export type Transcript = string[];

export interface Scenario {
  readonly name: string;
  readonly run: (locks: LockManagerLike, say: (line: string) => void) => Promise<void>;
  /** What Node 24's own `navigator.locks` says; checked against it where it exists. */
  readonly expected: Transcript;
  /** Why the platform is not asked. */
  readonly platformDiffers?: string;
}

interface Gate {
  readonly opened: Promise<unknown>;
  open(value?: unknown): void;
}

function gate(): Gate {
  let open: (value?: unknown) => void = () => undefined;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

const outcome = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `resolved ${JSON.stringify(value)}`,
    (error: unknown) => `rejected ${error instanceof Error ? error.name : JSON.stringify(error)}`,
  );

/** Until the manager has nothing more to say about these names. */
async function settled(locks: LockManagerLike): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await locks.query();
  }
}

async function snapshot(locks: LockManagerLike, prefix: string): Promise<string> {
  const { held = [], pending = [] } = await locks.query();
  const show = (infos: readonly Info[]): string =>
    infos
      .filter(({ name = "" }) => name.startsWith(prefix))
      .map(({ name, mode, clientId }) => `${name}/${mode}${typeof clientId === "string" ? "" : "?"}`)
      .join(",");
  return `held ${show(held)} pending ${show(pending)}`;
}

export const scenarios: readonly Scenario[] = [
  {
    name: "the callback gets the lock, its result is the answer",
    run: async (locks, say) => {
      const seen = (lock: { name: string; mode: string } | null): unknown => {
        say(`got ${lock?.name} ${lock?.mode}`);
        return 42;
      };
      say(await outcome(locks.request("a1", seen)));
      say(await outcome(locks.request("a1", { mode: "shared" }, seen)));
      say(await outcome(locks.request("a1", {}, async () => "later")));
    },
    expected: ["got a1 exclusive", "resolved 42", "got a1 shared", "resolved 42", 'resolved "later"'],
  },
  {
    name: "a callback's rejection is passed through, and the lock is free again",
    run: async (locks, say) => {
      say(await outcome(locks.request("b1", () => Promise.reject(new EvalError("no")))));
      say(await outcome(locks.request("b1", { ifAvailable: true }, (lock: unknown) => lock !== null)));
    },
    expected: ["rejected EvalError", "resolved true"],
  },
  {
    name: "a callback that throws is passed through, and the lock is free again",
    run: async (locks, say) => {
      const thrower = (): never => {
        throw new SyntaxError("no");
      };
      say(await outcome(locks.request("h1", thrower)));
      say(await outcome(locks.request("h1", { ifAvailable: true }, (lock: unknown) => lock !== null)));
    },
    expected: ["rejected SyntaxError", "resolved true"],
    platformDiffers: "Node 24.21 never frees a lock whose callback threw; the specification does",
  },
  {
    name: "requests are granted in order, readers together, a writer alone",
    run: async (locks, say) => {
      const first = gate();
      const readers = gate();
      const all = [
        locks.request("c1", () => first.opened),
        locks.request("c1", { mode: "shared" }, () => (say("reader 1"), readers.opened)),
        locks.request("c1", { mode: "shared" }, () => (say("reader 2"), readers.opened)),
        locks.request("c1", () => say("writer")),
        locks.request("c1", { mode: "shared" }, () => say("reader 3")),
      ];
      await settled(locks);
      say(await snapshot(locks, "c1"));
      first.open();
      await settled(locks);
      say(await snapshot(locks, "c1"));
      readers.open();
      await Promise.all(all);
      say(await snapshot(locks, "c1"));
    },
    expected: [
      "held c1/exclusive pending c1/shared,c1/shared,c1/exclusive,c1/shared",
      "reader 1",
      "reader 2",
      "held c1/shared,c1/shared pending c1/exclusive,c1/shared",
      "writer",
      "reader 3",
      "held  pending ",
    ],
  },
  {
    name: "ifAvailable calls back with null instead of waiting, also behind one who waits",
    run: async (locks, say) => {
      const held = gate();
      const holder = locks.request("d1", { mode: "shared" }, () => held.opened);
      await settled(locks);
      const name = (lock: unknown): string => (lock === null ? "null" : "lock");
      say(await outcome(locks.request("d1", { ifAvailable: true }, name)));
      say(await outcome(locks.request("d1", { ifAvailable: true, mode: "shared" }, name)));
      const writer = locks.request("d1", () => undefined);
      await settled(locks);
      say(await outcome(locks.request("d1", { ifAvailable: true, mode: "shared" }, name)));
      held.open();
      await Promise.all([holder, writer]);
    },
    expected: ['resolved "null"', 'resolved "lock"', 'resolved "null"'],
  },
  {
    name: "steal breaks the holders, goes ahead of who waits, and leaves them waiting",
    run: async (locks, say) => {
      const never = gate();
      const thief = gate();
      const victim = outcome(locks.request("e1", () => never.opened)).then((line) => say(`victim ${line}`));
      const waiter = locks.request("e1", () => say("waiter"));
      await settled(locks);
      const stolen = locks.request("e1", { steal: true }, () => (say("thief"), thief.opened));
      await victim;
      await settled(locks);
      say(await snapshot(locks, "e1"));
      thief.open("done");
      say(await outcome(stolen));
      await waiter;
      never.open();
    },
    expected: [
      "thief",
      "victim rejected AbortError",
      "held e1/exclusive pending e1/exclusive",
      "waiter",
      'resolved "done"',
    ],
  },
  {
    name: "signal ends the wait with its reason, and means nothing once granted",
    run: async (locks, say) => {
      const held = gate();
      const holder = locks.request("f1", () => held.opened);
      await settled(locks);
      const controller = new AbortController();
      const waiting = outcome(locks.request("f1", { signal: controller.signal }, () => say("never")));
      await settled(locks);
      controller.abort(new RangeError("enough"));
      say(await waiting);
      say(await outcome(locks.request("f1", { signal: controller.signal }, () => say("never"))));
      held.open();
      await holder;
      const late = new AbortController();
      const granted = locks.request("f1", { signal: late.signal }, async () => {
        late.abort();
        return "kept";
      });
      say(await outcome(granted));
    },
    expected: ["rejected RangeError", "rejected RangeError", 'resolved "kept"'],
  },
  {
    name: "wrong arguments are refused",
    run: async (locks, say) => {
      const nothing = (): void => undefined;
      const signal = new AbortController().signal;
      const refused = async (...rest: unknown[]): Promise<void> =>
        say(await outcome((async () => locks.request(...(rest as [string])))()));
      await refused("g1");
      await refused("g1", {}, "no function");
      await refused("-g1", nothing);
      await refused("g1", { mode: "both" }, nothing);
      await refused("g1", { steal: true, ifAvailable: true }, nothing);
      await refused("g1", { steal: true, mode: "shared" }, nothing);
      await refused("g1", { steal: true, signal }, nothing);
      await refused("g1", { ifAvailable: true, signal }, nothing);
      await refused("g1", { signal: "no signal" }, nothing);
    },
    expected: [
      "rejected TypeError",
      "rejected TypeError",
      "rejected NotSupportedError",
      "rejected TypeError",
      "rejected NotSupportedError",
      "rejected NotSupportedError",
      "rejected NotSupportedError",
      "rejected NotSupportedError",
      "rejected TypeError",
    ],
  },
];
