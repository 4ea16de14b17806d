import { Hono } from "hono";
import { z } from "zod";
import type { Crm } from "../../domain/crm.ts";
import type { CustomerHead } from "../../domain/customers.ts";
import { isId } from "../../domain/ids.ts";
import { notFound } from "../../domain/refusals.ts";
import { valid } from "../../domain/validation.ts";
import { shownCustomer } from "../customer-view.ts";
import { entityTag, isKnown, seenRevisions } from "../entity-tags.ts";
import { listed, pageOf } from "../paging.ts";
import { jsonBody } from "../request-body.ts";
import type { Guarded } from "../session-guard.ts";

const mergePatch = z.record(z.string(), z.unknown());

export function customerRoutes({ customers }: Crm): Hono<Guarded> {
  const routes = new Hono<Guarded>();
  routes.post("/", async (c) => {
    const head = await customers.create(await jsonBody(c), c.var.signedIn.account.id);
    return c.json(shownCustomer(head), 201, { location: `/api/customers/${head.key}`, ...tagged(head) });
  });
  routes.get("/", async (c) => {
    const { after, limit } = pageOf(c);
    return listed(c, await customers.list(after, limit), limit, shownCustomer);
  });
  routes.get("/:id", async (c) => {
    const head = await customers.get(idIn(c.req.param("id")));
    if (isKnown(c.req.header("if-none-match"), head.revision)) return c.body(null, 304, tagged(head));
    return c.json(shownCustomer(head), 200, tagged(head));
  });
  routes.put("/:id", async (c) => {
    const id = idIn(c.req.param("id"));
    const seen = seenRevisions(c.req.header("if-match"));
    const head = await customers.replace(id, seen, await jsonBody(c), c.var.signedIn.account.id);
    return c.json(shownCustomer(head), 200, tagged(head));
  });
  routes.patch("/:id", async (c) => {
    const id = idIn(c.req.param("id"));
    const seen = seenRevisions(c.req.header("if-match"));
    const patch = valid(mergePatch, await jsonBody(c));
    const head = await customers.patch(id, seen, patch, c.var.signedIn.account.id);
    return c.json(shownCustomer(head), 200, tagged(head));
  });
  routes.delete("/:id", async (c) => {
    const id = idIn(c.req.param("id"));
    await customers.delete(id, seenRevisions(c.req.header("if-match")), c.var.signedIn.account.id);
    return c.body(null, 204);
  });
  return routes;
}

const tagged = ({ revision }: CustomerHead): { readonly etag: string } => ({
  etag: entityTag(revision),
});

function idIn(text: string): string {
  if (!isId(text)) throw notFound("customer");
  return text;
}
