import { constants } from "node:os";

/**
 * What `holdfast` exits with besides the status of a command that it ran. 64 to 78 mean what BSD's
 * sysexits.h says, 126 and 127 what a shell means by them; 79 is the first code behind both that
 * nobody has taken.
 */
export const EXIT = {
  ok: 0,
  /** The question was understood, and the answer is no. */
  no: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  notAcquired: 75,
  leaseLost: 79,
  notExecutable: 126,
  notFound: 127,
} as const;

/** As a shell reports a process that a signal ended. */
export function signalExit(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
