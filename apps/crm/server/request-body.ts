import type { Context } from "hono";
import { HttpProblem, type Problem } from "./problem.ts";

export const BODY_MAX_BYTES = 128 * 1024;

export const BODY_TOO_LARGE: Problem = {
  status: 413,
  type: "body-too-large",
  title: "Too much",
  detail: `a request may have at most ${BODY_MAX_BYTES} bytes`,
  // Nobody will read the rest of it.
  headers: { connection: "close" },
};

/**
 * The JSON body. Other content types are refused, also because a browser sends them across sites without
 * asking first, and JSON not.
 */
export async function jsonBody(c: Context): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new HttpProblem({
      status: 415,
      type: "json-required",
      title: "Not JSON",
      detail: "send JSON, and the header content-type: application/json",
    });
  }
  const text = await c.req.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HttpProblem({
      status: 400,
      type: "malformed-json",
      title: "Malformed JSON",
      detail: text === "" ? "the body is empty" : "the body is no JSON text",
    });
  }
}
