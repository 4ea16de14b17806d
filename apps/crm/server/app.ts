import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Crm } from "../domain/crm.ts";
import { answerFailure } from "./failures.ts";
import { landingPage } from "./landing-page.ts";
import { sendProblem } from "./problem.ts";
import { BODY_MAX_BYTES, BODY_TOO_LARGE } from "./request-body.ts";
import { customerRoutes } from "./routes/customers.ts";
import { healthRoutes } from "./routes/health.ts";
import { lockRoutes } from "./routes/locks.ts";
import { orderRoutes } from "./routes/orders.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { userRoutes } from "./routes/users.ts";
import { sessionGuard, type Guarded } from "./session-guard.ts";

/** All routes of a node. What stands below the guard wants a session, also what does not exist. */
export function app(crm: Crm, isDraining: () => boolean): Hono<Guarded> {
  const api = new Hono<Guarded>();
  api.use(bodyLimit({ maxSize: BODY_MAX_BYTES, onError: (c) => sendProblem(c, BODY_TOO_LARGE) }));
  api.route("/", sessionRoutes(crm));
  api.use(sessionGuard(crm));
  api.route("/users", userRoutes(crm));
  api.route("/customers", customerRoutes(crm));
  api.route("/orders", orderRoutes(crm));
  api.route("/locks", lockRoutes(crm));

  const whole = new Hono<Guarded>();
  whole.use(async (c, next) => {
    await next();
    c.header("x-content-type-options", "nosniff");
    c.header("x-node", crm.node);
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "private, no-cache");
    // Whoever is to go elsewhere should not keep the connection.
    if (isDraining()) c.header("connection", "close");
  });
  whole.get("/", (c) => {
    c.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    return c.html(landingPage(crm.node));
  });
  whole.route("/", healthRoutes(crm, isDraining));
  whole.route("/api", api);
  whole.notFound((c) =>
    sendProblem(c, {
      status: 404,
      type: "not-found",
      title: "Not found",
      detail: `there is nothing at ${c.req.method} ${c.req.path.slice(0, 200)}; the routes are listed at /`,
    }),
  );
  whole.onError((error, c) => answerFailure(error, c));
  return whole;
}
