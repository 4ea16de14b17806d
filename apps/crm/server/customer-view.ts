import type { CustomerHead } from "../domain/customers.ts";
import { entityTag } from "./entity-tags.ts";

/** A customer as clients see it. `etag` goes into If-Match, also from a list. */
export function shownCustomer({ value, revision, updatedAt, author }: CustomerHead): object {
  const { id, createdAt, createdBy, ...fields } = value;
  const marks = {
    createdAt,
    createdBy,
    updatedAt: new Date(updatedAt).toISOString(),
    updatedBy: author,
  };
  return { id, ...fields, ...marks, etag: entityTag(revision) };
}
