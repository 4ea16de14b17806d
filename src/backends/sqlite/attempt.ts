/** The result, or undefined when it fails: for files whose loss only costs time. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
