import type { Diagnosis, Finding } from "../index.ts";
import { durationText } from "./duration.ts";

/**
 * A round trip that takes a larger part of a lease of default length leaves too few tries to renew
 * it.
 */
const SLOW_MS = 500;
/** A clock that is further off than this misleads people who compare times. */
const OFFSET_MS = 1_000;

/** What the measurements say, before what the store says about itself. */
export function measuredFindings({
  clockOffsetMs,
  guarantees,
  latencyMs,
}: Diagnosis): readonly Finding[] {
  const roundTrip = `fastest of five ${latencyMs.toFixed(2)} ms`;
  const reach: Finding =
    latencyMs < SLOW_MS
      ? { level: "ok", subject: "round trip", detail: roundTrip }
      : {
          level: "warning",
          subject: "round trip",
          detail: `${roundTrip}; a lease must outlast several`,
          remedy: `Use leases of ${durationText(latencyMs * 20)} or more (--ttl), or a nearer store.`,
        };
  // There is only one clock then.
  if (guarantees.clock === "host") return [reach];
  const side = clockOffsetMs < 0 ? "behind" : "ahead of";
  const detail = `the store is ${durationText(Math.abs(clockOffsetMs))} ${side} this machine`;
  const clock: Finding =
    Math.abs(clockOffsetMs) < OFFSET_MS
      ? { level: "ok", subject: "clock offset", detail }
      : {
          level: "warning",
          subject: "clock offset",
          detail:
            `${detail}; locks stay safe, because only the store's clock counts, ` +
            "but logs will not match",
          remedy: "Run a time service (NTP) on both.",
        };
  return [reach, clock];
}
