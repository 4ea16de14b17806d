import { ConflictError, type Coordinator, type FencedBy, type RecordHead, type Records } from "holdfast";
import { z } from "zod";
import type { Customers } from "./customers.ts";
import { Refusal, notFound } from "./refusals.ts";

/** Money in one currency, to the cent. Sums are made of whole cents, because 0.1 + 0.2 is not 0.3. */
const price = z
  .number()
  .min(0)
  .max(1e9)
  .refine(
    (amount) => Math.abs(Math.round(amount * 100) - amount * 100) < 1e-4,
    "must not have parts of cents",
  );

const orderLine = z.strictObject({
  sku: z.string().trim().min(1).max(100),
  quantity: z.int().min(1).max(1_000_000),
  unitPrice: price,
});

export const newOrder = z.strictObject({
  customerId: z.string().min(1).max(100),
  lines: z.array(orderLine).min(1).max(200),
});

export type NewOrder = z.infer<typeof newOrder>;

export type OrderStatus = "placed" | "processing" | "processed";

/** What processing does, in this order. */
export const EFFECTS = ["reserve-stock", "charge-payment", "confirm-mail"] as const;

export type EffectName = (typeof EFFECTS)[number];

/** A row of the ledger: this effect of this order has taken place, once. */
export interface Effect {
  /** The same whoever causes it and however often it is tried: `order/effect`. */
  readonly key: string;
  readonly effect: EffectName;
  readonly at: string;
  /** Which attempt caused it, on which node, under which fencing token. */
  readonly attempt: number;
  readonly node: string;
  readonly token: string;
}

export interface Order {
  readonly id: string;
  /**
   * As it was when the order was placed: the customer may change, or go, and the order stays what it
   * was.
   */
  readonly customer: { readonly id: string; readonly name: string };
  readonly lines: NewOrder["lines"];
  readonly total: number;
  readonly status: OrderStatus;
  /** How often processing was begun. */
  readonly attempts: number;
  readonly effects: readonly Effect[];
  readonly createdAt: string;
  readonly createdBy: string;
}

export type OrderHead = RecordHead<Order>;

export class Orders {
  readonly records: Records<Order>;

  constructor(
    hf: Coordinator,
    private readonly customers: Customers,
  ) {
    this.records = hf.records<Order>("orders");
  }

  /**
   * Places an order under an id that the caller has chosen; placed before under this id, it is the one
   * placed then. So a repetition after a crash makes no second order.
   * @throws Refusal `invalid` if there is no such customer
   */
  async place(
    id: string,
    { customerId, lines }: NewOrder,
    author: string,
    fence: FencedBy,
  ): Promise<OrderHead> {
    const placed = await this.records.get(id);
    if (placed !== null) return placed;
    const customer = await this.#customer(customerId);
    const order: Order = {
      id,
      customer,
      lines,
      total: totalOf(lines),
      status: "placed",
      attempts: 0,
      effects: [],
      createdAt: new Date().toISOString(),
      createdBy: author,
    };
    try {
      return await this.records.put(id, order, { ifRevision: null, author, fence });
    } catch (error) {
      const theirs = error instanceof ConflictError ? (error as ConflictError<Order>).theirs : null;
      if (theirs === null) throw error;
      return theirs;
    }
  }

  /** @throws Refusal `not-found` */
  async get(id: string): Promise<OrderHead> {
    const head = await this.records.get(id);
    if (head === null) throw notFound("order");
    return head;
  }

  /** By age, oldest first. */
  list(after: string | undefined, limit: number): Promise<readonly OrderHead[]> {
    return this.records.list({ limit, ...(after === undefined ? {} : { after }) });
  }

  async #customer(id: string): Promise<Order["customer"]> {
    try {
      const { value } = await this.customers.get(id);
      return { id, name: value.name };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const fields = [{ field: "customerId", message: "there is no such customer" }];
      throw new Refusal("invalid", "customerId: there is no such customer", fields);
    }
  }
}

function totalOf(lines: NewOrder["lines"]): number {
  const cents = lines.reduce((sum, line) => sum + line.quantity * Math.round(line.unitPrice * 100), 0);
  return cents / 100;
}
