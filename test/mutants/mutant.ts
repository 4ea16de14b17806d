/** A bug of one line, as somebody might make it. */
export interface Mutant {
  /** What it does wrong. */
  readonly name: string;
  /** Below dist/. */
  readonly file: string;
  /** Compiled text that occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}
