import { randomUUID } from "node:crypto";
import {
  BackendError,
  ClosedError,
  ConflictError,
  LeaseLostError,
  LockTimeoutError,
  StaleTokenError,
} from "holdfast";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { Refusal } from "../domain/refusals.ts";
import { HttpProblem, sendProblem, type Problem } from "./problem.ts";
import { refusalProblem } from "./refusal-problems.ts";

/**
 * Whatever was thrown becomes an answer that tells its reader what to do, and nothing about the inside.
 */
export function answerFailure(error: unknown, c: Context): Response {
  return sendProblem(c, expected(error) ?? unexpected(error, c));
}

function expected(error: unknown): Problem | undefined {
  if (error instanceof Refusal) return refusalProblem(error);
  if (error instanceof HttpProblem) return error.problem;
  if (error instanceof LockTimeoutError) {
    const detail = `others are before you (${error.ahead} when last counted); try again`;
    return { status: 503, type: "busy", title: "Too busy", detail, headers: { "retry-after": "1" } };
  }
  if (error instanceof LeaseLostError || error instanceof StaleTokenError) {
    const title = "Lost the turn";
    const detail = "this node stood still for so long that another one took over; look, then try again";
    return { status: 503, type: "overtaken", title, detail, headers: { "retry-after": "1" } };
  }
  if (error instanceof ConflictError) {
    const detail = "somebody else changed the record at the same time; look, then try again";
    return { status: 409, type: "conflict", title: "Changed by somebody else", detail };
  }
  if (error instanceof BackendError || error instanceof ClosedError) {
    const isOpen = error instanceof BackendError && error.outcome === "unknown";
    const detail = isOpen
      ? "the store did not answer; whether the request took effect is not known: look, then try again"
      : "the store cannot be reached; nothing was changed: try again";
    const title = "Store unavailable";
    return { status: 503, type: "store-unavailable", title, detail, headers: { "retry-after": "2" } };
  }
  if (error instanceof HTTPException) {
    return { status: error.status, type: "bad-request", title: "Bad request", detail: error.message };
  }
  return undefined;
}

/** A fault of ours: told in full to the log, and to the client only how to find it there. */
function unexpected(error: unknown, c: Context): Problem {
  const incident = randomUUID();
  console.error(
    `${new Date().toISOString()} incident ${incident}: ${c.req.method} ${c.req.path}`,
    error,
  );
  const detail = `a fault of the server, in its log as incident ${incident}`;
  return { status: 500, type: "internal-error", title: "Internal error", detail };
}
