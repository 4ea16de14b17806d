/**
 * Signals that ask a program to end. From the keyboard, a terminal sends INT and QUIT to all of a
 * job.
 */
const ENDING = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
/** Signals that a program may give a meaning of its own. */
const OWN = ["SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

export type Caught = (typeof ENDING)[number] | (typeof OWN)[number];

export function isEnding(signal: Caught): boolean {
  return (ENDING as readonly Caught[]).includes(signal);
}

export function isFromKeyboard(signal: Caught): boolean {
  return signal === "SIGINT" || signal === "SIGQUIT" || signal === "SIGWINCH";
}

/**
 * From now on `receive` hears of every signal, and none of them does what it would do by itself.
 */
export function catchSignals(receive: (signal: Caught) => void): void {
  for (const signal of [...ENDING, ...OWN]) process.on(signal, () => receive(signal));
}
