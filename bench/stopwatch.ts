// The monotonic clock is one for the whole machine, so moments taken in different processes compare.
// performance.now() reads it faster than hrtime, but starts at 0 in each process.
const origin = processStart();

function processStart(): number {
  let start = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 100; i++) {
    // When the process loses its core between the two readings the difference comes out too small.
    start = Math.max(start, Number(process.hrtime.bigint()) / 1e6 - performance.now());
  }
  return start;
}

/** Milliseconds, comparable between the processes of this machine. */
export function now(): number {
  return origin + performance.now();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Rejects when the promise has not settled in time, so that no measurement waits for ever. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
