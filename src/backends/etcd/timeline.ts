import { systemClock } from "../../clock.ts";

const startedAt = systemClock.wall() - systemClock.now();

/**
 * etcd shows its clients no clock, so each process has its own: whole ms since 1970 when it started, and from
 * then on monotonic. No decision compares the times of two processes.
 */
export const clockNow = (): number => Math.floor(startedAt + systemClock.now());
