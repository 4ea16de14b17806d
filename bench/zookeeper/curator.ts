import type { Contestant, ContestantProcess, Contention } from "./contestant.ts";
import type { CuratorHarness, CuratorProcess } from "./harness.ts";

const MICRO = 1_000;

export function curator(harness: CuratorHarness): Contestant {
  return {
    name: "Curator 5.4",
    start: async (servers, launcher) => over(await harness.start(servers, launcher)),
  };
}

function over(java: CuratorProcess): ContestantProcess {
  const number = async (...words: readonly (string | number)[]): Promise<number> =>
    Number(await java.say(...words));
  return {
    pairs: async (path, times) => (await number("pairs", path, times)) / MICRO,
    rawPairs: async (path, times) => (await number("raw-pairs", path, times)) / MICRO,
    keys: (path, count, ms) => number("keys", path, count, ms),
    contend: async (path, callers, startAt, ms) =>
      contention(await java.say("contend", path, callers, startAt, ms)),
    hold: (path) => number("hold", path),
    release: () => number("release"),
    end: () => java.kill(),
  };
}

function contention(line: string): Contention {
  const [shares = [], moments = []] = line
    .split("|")
    .map((list) => list.trim().split(",").filter(Boolean).map(Number));
  return { shares, moments };
}
