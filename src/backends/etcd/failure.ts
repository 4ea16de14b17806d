import { BackendError } from "../../errors.ts";

/** The request did not reach a server: nobody listens there, or the call was given up before it was sent. */
export class NotSent extends Error {}

/** Codes of gRPC, which the gateway passes on: https://grpc.io/docs/guides/status-codes/ */
export const CODE = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  outOfRange: 11,
  unauthenticated: 16,
} as const;

/** The server has refused the request. */
export class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Said before anything is proposed to the cluster. All else, such as `Unavailable`, may come after. */
const REFUSED: ReadonlySet<number> = new Set(Object.values(CODE));

export function asBackendError(operation: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  const isRefused = cause instanceof NotSent || (cause instanceof Refusal && REFUSED.has(cause.code));
  return new BackendError("etcd", operation, isRefused ? "not-applied" : "unknown", { cause });
}

/** The lease that a key was to be attached to has run out: the whole transaction had no effect. */
export function isLeaseMissing(cause: unknown): boolean {
  return cause instanceof Refusal && cause.code === CODE.notFound && /lease not found/.test(cause.message);
}
