import type { Context } from "hono";
import { z } from "zod";
import { valid } from "../domain/validation.ts";

const page = z.object({
  after: z.string().min(1).max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** @throws Refusal `invalid` */
export function pageOf(c: Context): { readonly after?: string | undefined; readonly limit: number } {
  return valid(page as z.ZodType<{ after?: string | undefined; limit: number }>, c.req.query());
}

/** A page of a list, and where the next one is; null: this was the last. */
export function listed<Head extends { readonly key: string }>(
  c: Context,
  heads: readonly Head[],
  limit: number,
  shown: (head: Head) => object,
): Response {
  const last = heads.length === limit ? heads.at(-1) : undefined;
  const next =
    last === undefined ? null : `${c.req.path}?limit=${limit}&after=${encodeURIComponent(last.key)}`;
  return c.json({ items: heads.map(shown), next });
}
