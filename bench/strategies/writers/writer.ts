/** A way to update counters, opened in one process. */
export interface Writer {
  /** Adds one to a counter; resolves with how often the edit ran, once that is committed. */
  update(key: string): Promise<number>;
  /** The counter as it is; 0 if there is none. */
  read(key: string): Promise<number>;
  close(): Promise<void>;
}

export interface Opening {
  readonly url: string;
  readonly editMs: number;
}

export type Open = (opening: Opening) => Promise<Writer>;

/** The edit: one more, after some computation. */
export function increment(count: number, editMs: number): number {
  if (editMs > 0) {
    const end = performance.now() + editMs;
    while (performance.now() < end);
  }
  return count + 1;
}

/** A random pause that grows, for those who try again (full jitter). */
export function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(200, 2 * 2 ** attempt)));
}
