/** Long enough that nothing expires while a case that is not about expiry runs on a busy machine. */
export const LONG_MS = 60_000;

/** Short enough to wait for, long enough that a busy machine does not run into it by accident. */
export const SHORT_MS = 300;
