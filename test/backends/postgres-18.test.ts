import assert from "node:assert/strict";
import { after, test } from "node:test";
import { postgres } from "holdfast/postgres";
import { conformance, simulate, type SimulatedStore } from "holdfast/testkit";
import { copyPostgres18 } from "../servers/postgres-18.ts";
import { poolOf, postgresEnvironment } from "../servers/postgres-environment.ts";
import { startPostgres } from "../servers/postgres.ts";

const server = await startPostgres(["synchronous_commit=off"], copyPostgres18);
after(() => server.stop());

// Durable locks have the whole kit on the other version.
conformance({
  test,
  name: "PostgreSQL 18, relaxed",
  open: () => postgresEnvironment(server, { durability: "relaxed" }),
});

test("PostgreSQL 18: 40 programs are answered as the model does, in both durabilities", async () => {
  const [row] = await server.query("SHOW server_version");
  assert.match(String(row?.["server_version"]), /^18\./);
  const pool = poolOf(server.url);
  const seeds = Array.from({ length: 40 }, (_, at) => at + 1);
  for (const durability of ["durable", "relaxed"] as const) {
    const options = { schema: `simulated_${durability}`, durability };
    const open = (now: () => number): SimulatedStore => ({
      backend: () => postgres(pool, { ...options, now }),
      close() {},
    });
    await simulate({ seeds, open });
  }
  await pool.end();
});
