import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** An error answer in the form of RFC 9457. */
export interface Problem {
  readonly status: ContentfulStatusCode;
  /** Names the problem for programs; a reference relative to the API. */
  readonly type: string;
  readonly title: string;
  /** Says to people what happened this time and what to do. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members, for instance the fields in question. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Thrown where HTTP itself is at fault, which the rules know nothing of. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export function sendProblem(
  c: Context,
  { status, type, title, detail, headers, members }: Problem,
): Response {
  const body = JSON.stringify({ type, title, status, detail, ...members });
  return c.body(body, status, {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    ...headers,
  });
}
