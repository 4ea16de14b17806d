import type { LockView, PlaceView } from "holdfast";
import { Hono } from "hono";
import { z } from "zod";
import type { Crm } from "../../domain/crm.ts";
import { valid } from "../../domain/validation.ts";
import type { Guarded } from "../session-guard.ts";

const LOCKS_MAX = 500;

const query = z.object({ prefix: z.string().max(200).optional() });

/** Who holds what and who waits for it, now. Waiters inside other nodes are seen by those nodes only. */
export function lockRoutes({ hf, node }: Crm): Hono<Guarded> {
  const routes = new Hono<Guarded>();
  routes.get("/", async (c) => {
    const { prefix = "" } = valid(query, c.req.query());
    const items: object[] = [];
    let isComplete = true;
    for await (const lock of hf.list({ prefix })) {
      isComplete = items.length < LOCKS_MAX;
      if (!isComplete) break;
      items.push(shownLock(lock));
    }
    return c.json({ items, isComplete, seenBy: node });
  });
  return routes;
}

const shownLock = ({ resource, capacity, holders, waiters, revocations }: LockView): object => ({
  resource,
  capacity,
  holders: holders.map(shownPlace),
  waiters: waiters.map(shownPlace),
  revocations: revocations.map(({ tokens, at, ...rest }) => ({
    at: isoTime(at),
    ...rest,
    tokens: tokens.map(String),
  })),
});

/** JSON knows no big integers: tokens are text. */
const shownPlace = ({ token, since, expires, ...rest }: PlaceView): object => ({
  ...rest,
  token: token === null ? null : token.toString(),
  since: isoTime(since),
  expires: isoTime(expires),
});

/** Who waits inside this node waits without end. */
const isoTime = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null);
