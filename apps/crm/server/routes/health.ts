import { Hono } from "hono";
import type { Crm } from "../../domain/crm.ts";

/** A store that takes longer to say that it is there is of no use to anybody who waits. */
const READY_LIMIT_MS = 2_000;

/** Probes for load balancers: `healthz`, this process turns; `readyz`, it can serve. */
export function healthRoutes(crm: Crm, isDraining: () => boolean): Hono {
  const { node } = crm;
  const routes = new Hono();
  routes.get("/healthz", (c) => c.json({ status: "ok", node, pid: process.pid }));
  routes.get("/readyz", async (c) => {
    const status = isDraining() ? "draining" : (await reachesStore(crm)) ? "ready" : "store unreachable";
    return c.json({ status, node }, status === "ready" ? 200 : 503);
  });
  return routes;
}

/** Records and locks may be in two stores: asks both. */
async function reachesStore({ hf, accounts }: Crm): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const outOfTime = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, READY_LIMIT_MS, false);
  });
  const asked = Promise.all([accounts.get("readyz"), hf.inspect("readyz")]).then(
    () => true,
    () => false,
  );
  return Promise.race([asked, outOfTime]).finally(() => clearTimeout(timer));
}
