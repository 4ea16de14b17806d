import { Hono } from "hono";
import { newAccount, type Account } from "../../domain/accounts.ts";
import type { Crm } from "../../domain/crm.ts";
import { valid } from "../../domain/validation.ts";
import { jsonBody } from "../request-body.ts";
import { adminGuard, type Guarded } from "../session-guard.ts";

export function userRoutes(crm: Crm): Hono<Guarded> {
  const routes = new Hono<Guarded>();
  routes.post("/", adminGuard, async (c) => {
    const wanted = valid(newAccount, await jsonBody(c));
    const account = await crm.accounts.create(wanted, c.var.signedIn.account.id);
    return c.json(shownAccount(account), 201);
  });
  return routes;
}

export const shownAccount = ({ id, email, name, role }: Account): object => ({ id, email, name, role });
