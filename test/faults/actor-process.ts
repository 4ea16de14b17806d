import { connect, type Lease } from "holdfast";
import type { Orders } from "./actor.ts";

/** The process behind an Actor: does what it is told, one message at a time, many at once. */

const [url = "", options = "{}"] = process.argv.slice(2);
const leases = new Map<string, Lease>();

function leaseOf(name: string): Lease {
  const lease = leases.get(name);
  if (lease === undefined) throw new Error(`no lease on ${name}`);
  return lease;
}

try {
  const hf = await connect(url, JSON.parse(options));
  const records = hf.records("actors");
  const orders: { [Name in keyof Orders]: (...rest: Parameters<Orders[Name]>) => Promise<unknown> } = {
    async lock(name, waitMs) {
      const lease = await hf.mutex(name).lock(waitMs === undefined ? {} : { waitMs });
      leases.set(name, lease);
      return { token: String(lease.token) };
    },
    release: async (name) =>
      leaseOf(name)
        .release()
        .then(
          () => "released",
          (error: Error) => error.name,
        ),
    isLost: async (name) => leaseOf(name).lost.aborted,
    put: async (key, value, name) =>
      records.put(key, value, { fence: leaseOf(name) }).then(
        () => "written",
        (error: Error) => error.name,
      ),
  };
  process.on("message", ({ id, order, rest }: { id: number; order: keyof Orders; rest: never }) => {
    (orders[order] as (...rest: unknown[]) => Promise<unknown>)(...(rest as unknown[])).then(
      (answer) => process.send?.({ id, answer }),
      (error: Error) => process.send?.({ id, error: `${error.name}: ${error.message}` }),
    );
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ id: 0 });
} catch (error) {
  process.send?.({ id: 0, error: String(error) });
}
