import { after, test } from "node:test";
import { conformance } from "holdfast/testkit";
import { mysqlEnvironment } from "../servers/mysql-environment.ts";
import { startMysql } from "../servers/mysql.ts";

const server = await startMysql();
after(() => server.stop());

conformance({ test, name: "mysql", open: () => mysqlEnvironment(server) });
