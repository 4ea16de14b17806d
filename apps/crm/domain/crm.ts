import type { Coordinator } from "holdfast";
import { Accounts } from "./accounts.ts";
import { Customers } from "./customers.ts";
import { Idempotency } from "./idempotency.ts";
import { OrderProcessing } from "./order-processing.ts";
import { Orders } from "./orders.ts";
import { Sessions } from "./sessions.ts";

/** The rules of the platform on one store. All state is in the store; a node keeps none. */
export class Crm {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly customers: Customers;
  readonly orders: Orders;
  readonly processing: OrderProcessing;
  readonly idempotency: Idempotency;

  constructor(
    /** For looking at the locks themselves. */
    readonly hf: Coordinator,
    /** Name of this node, as users and operators see it. */
    readonly node: string,
  ) {
    this.accounts = new Accounts(hf);
    this.sessions = new Sessions(this.accounts);
    this.customers = new Customers(hf);
    this.orders = new Orders(hf, this.customers);
    this.processing = new OrderProcessing(hf, this.orders, node);
    this.idempotency = new Idempotency(hf);
  }
}
