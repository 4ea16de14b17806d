import { UsageFailure } from "./failure.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const isUnit = (text: string): text is keyof typeof UNIT_MS => Object.hasOwn(UNIT_MS, text);

/**
 * Whole milliseconds of `500ms`, `10s`, `2m`, `1.5h`, `1d`. A plain number is seconds, as flock(1)
 * takes it. `option` is named when it is none.
 */
export function parseDuration(text: string, option: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d*)?|\.\d+)(\w*)$/.exec(text) ?? [];
  const name = unit === "" ? "s" : unit;
  if (number === "" || !isUnit(name)) {
    throw new UsageFailure(
      `${option} "${text}" is not a duration`,
      "Write 500ms, 10s, 2m or 1h; a plain number is seconds.",
    );
  }
  return Math.ceil(Number(number) * UNIT_MS[name]);
}

/** For people: `850 ms`, `12 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 10) return `${(ms / 1_000).toFixed(1)} s`;
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

/** `12 s ago` or `in 8 s`. */
export function relativeTime(at: number, now: number): string {
  return at > now ? `in ${durationText(at - now)}` : `${durationText(now - at)} ago`;
}
