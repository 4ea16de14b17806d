import type { MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import type { Crm } from "../domain/crm.ts";
import { Refusal } from "../domain/refusals.ts";
import type { SignedIn } from "../domain/sessions.ts";

export const COOKIE = "sid";

/** What handlers behind the guard may rely on. */
export interface Guarded {
  Variables: { signedIn: SignedIn };
}

/**
 * Lets requests with a valid session pass. Asks the store each time: what is displaced ends everywhere
 * at once.
 */
export const sessionGuard = (crm: Crm): MiddlewareHandler<Guarded> => {
  return async (c, next) => {
    c.set("signedIn", await crm.sessions.check(getCookie(c, COOKIE)));
    await next();
  };
};

export const adminGuard: MiddlewareHandler<Guarded> = async (c, next) => {
  if (c.var.signedIn.account.role !== "admin")
    throw new Refusal("forbidden", "only an admin may do this");
  await next();
};
