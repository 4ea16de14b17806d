import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { mysqlEnvironment } from "../servers/mysql-environment.ts";
import { startMysql } from "../servers/mysql.ts";

/* A commit that has reached the system outlives the server, and this kit kills no machines. */
const server = await startMysql(["innodb-flush-log-at-trx-commit=2"]);
after(() => server.stop());

conformance({ test, name: "mysql", open: () => mysqlEnvironment(server) });
