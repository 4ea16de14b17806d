import { Hono, type Context } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { credentials } from "../../domain/accounts.ts";
import type { Crm } from "../../domain/crm.ts";
import type { SignedIn } from "../../domain/sessions.ts";
import { valid } from "../../domain/validation.ts";
import { jsonBody } from "../request-body.ts";
import { COOKIE, sessionGuard, type Guarded } from "../session-guard.ts";
import { shownAccount } from "./users.ts";

const login = z.object({
  ...credentials.shape,
  onConflict: z.enum(["displace", "reject"]).default("displace"),
});

export function sessionRoutes(crm: Crm): Hono<Guarded> {
  const shown = ({ account, session }: SignedIn): object => ({
    ...shownAccount(account),
    session: {
      epoch: session.epoch,
      openedAt: new Date(session.openedAt).toISOString(),
      expiresAt: new Date(crm.sessions.expiresAt(session)).toISOString(),
    },
    node: crm.node,
  });

  const routes = new Hono<Guarded>();
  routes.post("/login", async (c) => {
    const { email, password, onConflict } = valid(login, await jsonBody(c));
    const { cookie, ...signedIn } = await crm.sessions.open(email, password, onConflict);
    setCookie(c, COOKIE, cookie, COOKIE_OPTIONS);
    return c.json(shown(signedIn));
  });
  routes.post("/logout", sessionGuard(crm), async (c) => {
    await crm.sessions.end(c.var.signedIn);
    deleteCookie(c, COOKIE, COOKIE_OPTIONS);
    return c.body(null, 204);
  });
  routes.get("/me", sessionGuard(crm), (c: Context<Guarded>) => c.json(shown(c.var.signedIn)));
  return routes;
}

/** Out of reach for scripts, and not sent along with requests that other sites make. */
const COOKIE_OPTIONS = { path: "/", httpOnly: true, sameSite: "Lax" } as const;
