import type { z } from "zod";
import { Refusal } from "./refusals.ts";

/** What the schema makes of a value. @throws Refusal `invalid` that names each field in question */
export function valid<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map((issue) => ({
    field: fieldOf(issue),
    message: issue.message,
  }));
  const told = fields.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  throw new Refusal("invalid", told.slice(0, 5).join("; "), fields.slice(0, 20));
}

/** Zod reports a superfluous field at its parent; users look for the field itself. */
function fieldOf(issue: z.core.$ZodIssue): string {
  const superfluous = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return [...issue.path, ...superfluous].map(String).join(".");
}
