import { EXIT, signalExit } from "./exit-codes.ts";

/** Ends the program: one sentence on what happened, one on what to do next, and the exit code. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly exitCode: number,
    message: string,
    readonly remedy?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The command line was not understood. */
export class UsageFailure extends Failure {
  constructor(message: string, remedy?: string) {
    super(EXIT.usage, message, remedy);
  }
}

/** A signal asked the program to end, and it ends as if it had not caught it. Says nothing. */
export class Interrupted extends Failure {
  constructor(readonly signal: NodeJS.Signals) {
    super(signalExit(signal), `ended by ${signal}`);
  }
}

/**
 * The library throws these two on arguments it cannot use, with a sentence that says what to write.
 */
export function isMisuse(error: unknown): error is TypeError | RangeError {
  return error instanceof TypeError || error instanceof RangeError;
}

/**
 * Runs what takes a user's words, so that the library's verdict on them becomes a usage failure.
 */
export async function checked<T>(run: () => T | PromiseLike<T>, remedy?: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isMisuse(error)) throw new UsageFailure(error.message, remedy);
    throw error;
  }
}
