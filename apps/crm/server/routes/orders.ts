import { Hono } from "hono";
import type { Crm } from "../../domain/crm.ts";
import { isId } from "../../domain/ids.ts";
import { newOrder, type OrderHead } from "../../domain/orders.ts";
import { notFound } from "../../domain/refusals.ts";
import { valid } from "../../domain/validation.ts";
import { entityTag, isKnown } from "../entity-tags.ts";
import { idempotencyKey } from "../idempotency-key.ts";
import { listed, pageOf } from "../paging.ts";
import { jsonBody } from "../request-body.ts";
import type { Guarded } from "../session-guard.ts";

export function orderRoutes({ orders, processing, idempotency }: Crm): Hono<Guarded> {
  const routes = new Hono<Guarded>();
  routes.post("/", async (c) => {
    const account = c.var.signedIn.account.id;
    const key = idempotencyKey(c.req.header("idempotency-key"));
    const order = valid(newOrder, await jsonBody(c));
    const request = { account, route: "POST /api/orders", key };
    const { body, headers } = await idempotency.once(request, order, async (id, lease) => {
      const head = await orders.place(id, order, account, lease);
      return { body: shownOrder(head), headers: { location: `/api/orders/${id}`, ...tagged(head) } };
    });
    return c.json(body, 201, headers);
  });
  routes.get("/", async (c) => {
    const { after, limit } = pageOf(c);
    return listed(c, await orders.list(after, limit), limit, shownOrder);
  });
  routes.get("/:id", async (c) => {
    const head = await orders.get(idIn(c.req.param("id")));
    if (isKnown(c.req.header("if-none-match"), head.revision)) return c.body(null, 304, tagged(head));
    return c.json(shownOrder(head), 200, tagged(head));
  });
  routes.post("/:id/process", async (c) => {
    const head = await processing.process(idIn(c.req.param("id")));
    return c.json(shownOrder(head), 200, tagged(head));
  });
  return routes;
}

const shownOrder = ({ value, updatedAt }: OrderHead): object => ({
  ...value,
  updatedAt: new Date(updatedAt).toISOString(),
});

const tagged = ({ revision }: OrderHead): { readonly etag: string } => ({ etag: entityTag(revision) });

function idIn(text: string): string {
  if (!isId(text)) throw notFound("order");
  return text;
}
