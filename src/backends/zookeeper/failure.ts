import { BackendError } from "../../errors.ts";
import { ConnectionLost, ZooKeeperError } from "./client/errors.ts";

export const NAME = "zookeeper";

export function asBackendError(operation: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  return new BackendError(NAME, operation, isWithoutEffect(cause) ? "not-applied" : "unknown", { cause });
}

/** The server refused it, or it never left. */
function isWithoutEffect(cause: unknown): boolean {
  return cause instanceof ZooKeeperError || (cause instanceof ConnectionLost && !cause.sent);
}

/**
 * Results of steps that went on side by side. All of them are waited for, so that none goes on unheard.
 * @throws BackendError `not-applied` if that is certain of every one
 */
export async function allOf<T>(operation: string, steps: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(steps);
  const failed = settled.filter((each) => each.status === "rejected");
  if (failed.length === 0) return settled.map((each) => (each as PromiseFulfilledResult<T>).value);
  const cause: unknown = failed[0]!.reason;
  const none = failed.length === steps.length && failed.every(({ reason }) => isWithoutEffect(reason));
  throw new BackendError(NAME, operation, none ? "not-applied" : "unknown", { cause });
}
