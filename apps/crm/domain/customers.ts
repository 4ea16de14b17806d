import { ConflictError, type Coordinator, type RecordHead, type Records } from "holdfast";
import { z } from "zod";
import { newId } from "./ids.ts";
import { notFound, StaleRevision } from "./refusals.ts";
import { valid } from "./validation.ts";

const text = (max: number): z.ZodString => z.string().trim().max(max);

/**
 * What a team adds to its customers by itself, flat, so that edits of different fields can be told
 * apart.
 */
const ownField = z.union([z.string().max(4_000), z.number(), z.boolean()], {
  error: "must be text, a number, true or false",
});
const OWN_FIELD_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;
const FIELDS_MAX = 64;

/** What users may set; everything else of a customer is set by the rules. */
export interface CustomerFields {
  readonly name: string;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
  readonly company?: string | undefined;
  readonly notes?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly [own: string]: string | number | boolean | readonly string[] | undefined;
}

const customerFields: z.ZodType<CustomerFields> = z
  .object({
    name: text(200).min(1),
    email: text(254)
      .regex(/^[^\s@]+@[^\s@]+$/, "must be an e-mail address")
      .optional(),
    phone: text(64).optional(),
    company: text(200).optional(),
    notes: text(20_000).optional(),
    tags: z.array(text(64).min(1)).max(32).optional(),
  })
  .catchall(ownField)
  .superRefine((fields, context) => {
    const names = Object.keys(fields);
    for (const name of names.filter((each) => !OWN_FIELD_NAME.test(each)).slice(0, 5)) {
      const message = "is no name for a field: letters, digits and _, at most 64, a letter first";
      context.addIssue({ code: "custom", path: [name], message });
    }
    if (names.length > FIELDS_MAX) {
      context.addIssue({ code: "custom", message: `has more than ${FIELDS_MAX} fields` });
    }
  });

/** Set by the rules. Sent back by a client that writes what it has read, they are left out. */
interface CustomerMarks {
  readonly id: string;
  readonly createdAt: string;
  readonly createdBy: string;
}

export type Customer = CustomerFields & CustomerMarks;

/** Names that answers use beside the customer's own fields. */
const NOT_SET_BY_USERS = ["id", "createdAt", "createdBy", "updatedAt", "updatedBy", "etag"];

export type CustomerHead = RecordHead<Customer>;

/**
 * Customers, edited by many at once and locked by nobody: each write names the revision that its author
 * has seen, and the store refuses it in the same step if there is a newer one. So no edit overwrites one
 * unseen.
 */
export class Customers {
  readonly #records: Records<Customer>;

  constructor(hf: Coordinator) {
    this.#records = hf.records<Customer>("customers");
  }

  /** @throws Refusal `invalid` */
  create(body: unknown, author: string): Promise<CustomerHead> {
    const marks = { id: newId(), createdAt: new Date().toISOString(), createdBy: author };
    return this.#records.put(marks.id, { ...fieldsOf(body), ...marks }, { ifRevision: null, author });
  }

  /** @throws Refusal `not-found` */
  async get(id: string): Promise<CustomerHead> {
    const head = await this.#records.get(id);
    if (head === null) throw notFound("customer");
    return head;
  }

  /** By age, oldest first. */
  list(after: string | undefined, limit: number): Promise<readonly CustomerHead[]> {
    return this.#records.list({ limit, ...(after === undefined ? {} : { after }) });
  }

  /**
   * All fields anew. `seen`: the revisions that the author has seen, one of which it must still be at.
   * @throws Refusal `invalid`, `not-found`, `stale-revision`
   */
  replace(id: string, seen: readonly string[], body: unknown, author: string): Promise<CustomerHead> {
    return this.#change(id, seen, author, () => fieldsOf(body));
  }

  /** Some fields anew, by JSON merge patch (RFC 7396): null removes a field. Fails as `replace` does. */
  patch(
    id: string,
    seen: readonly string[],
    patch: Readonly<Record<string, unknown>>,
    author: string,
  ): Promise<CustomerHead> {
    return this.#change(id, seen, author, (current) => fieldsOf({ ...current, ...patch }));
  }

  /** @throws Refusal `not-found`, `stale-revision` */
  async delete(id: string, seen: readonly string[], author: string): Promise<void> {
    const current = await this.#seen(id, seen);
    await refused(this.#records.delete(id, { ifRevision: current.revision, author }));
  }

  async #change(
    id: string,
    seen: readonly string[],
    author: string,
    edit: (current: Customer) => CustomerFields,
  ): Promise<CustomerHead> {
    const { value, revision } = await this.#seen(id, seen);
    const { createdAt, createdBy } = value;
    const next = { ...edit(value), id, createdAt, createdBy };
    return refused(this.#records.put(id, next, { ifRevision: revision, author }));
  }

  async #seen(id: string, seen: readonly string[]): Promise<CustomerHead> {
    const current = await this.get(id);
    if (!seen.includes(current.revision)) throw new StaleRevision(current);
    return current;
  }
}

async function refused<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const { theirs } = error as ConflictError<Customer>;
    throw theirs === null ? notFound("customer") : new StaleRevision(theirs);
  }
}

function fieldsOf(body: unknown): CustomerFields {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return valid(customerFields, body);
  // What is null is not there: so JSON merge patch has it, and so most clients mean it.
  const own = Object.entries(body).filter(
    ([name, value]) => value !== null && !NOT_SET_BY_USERS.includes(name),
  );
  return valid(customerFields, Object.fromEntries(own));
}
