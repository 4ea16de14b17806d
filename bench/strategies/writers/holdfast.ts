import { adaptive, connect, optimistic, pessimistic, type Strategy } from "holdfast";
import { increment, type Open } from "./writer.ts";

interface Counter {
  readonly count: number;
}

/** So many attempts and so much time that nobody gives up. */
const DEADLINE_MS = 60_000;

const strategies: Readonly<Record<string, Strategy>> = {
  adaptive: adaptive({ deadlineMs: DEADLINE_MS }),
  optimistic: optimistic({ attempts: 1_000, deadlineMs: DEADLINE_MS }),
  pessimistic: pessimistic(),
};

export function holdfast(strategy: keyof typeof strategies): Open {
  return async ({ url, editMs }) => {
    const hf = await connect(url, { namespace: `bench-${strategy}`, callMs: 30_000 });
    const counters = hf.records<Counter>("counters");
    const edit = (value: Counter | null): Counter => ({ count: increment(value?.count ?? 0, editMs) });
    return {
      async update(key) {
        const { attempts } = await counters.update(key, edit, strategies[strategy]!);
        return attempts;
      },
      async read(key) {
        return (await counters.get(key))?.value.count ?? 0;
      },
      close: () => hf.close(),
    };
  };
}
