import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { postgresEnvironment } from "../servers/postgres-environment.ts";
import { startPostgres } from "../servers/postgres.ts";

const server = await startPostgres();
after(() => server.stop());

conformance({ test, name: "postgres", open: () => postgresEnvironment(server) });
