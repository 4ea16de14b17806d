import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { checked, UsageFailure } from "../failure.ts";
import { STORE_OPTIONS, storeUrl, withStore } from "../store.ts";
import { print, remark } from "../terminal.ts";

export const migrate = command({
  name: "migrate",
  summary: "make what a database needs for locks and records, or print the SQL that does",
  operands: "",
  operandCount: [0, 0],
  about: [
    "A store is made ready by the first process that uses it. Where applications may not create " +
      "tables, their owner runs this once, and again after an update of Holdfast. It may run any " +
      "number of times, also while others use the store.",
    "--print connects to nobody and changes nothing. Schema and durability are those of the URL: " +
      "postgres://…/app?schema=locks&durability=relaxed.",
  ],
  options: {
    print: { type: "boolean", help: "write the SQL to the standard output instead" },
    url: STORE_OPTIONS.url,
  },
  examples: [
    [
      "holdfast migrate --print --url postgres:///app?schema=locks > locks.sql",
      "for whoever owns the database",
    ],
    ["holdfast migrate --url postgres://owner@db/app", "with the rights of the owner"],
  ],
  exits: [
    ["0", "done"],
    ["64", "the command line was not understood, or the store needs no SQL"],
    ["69", "the store cannot be reached, or the rights do not suffice"],
  ],

  async run({ values }) {
    const url = storeUrl(values);
    if (values.print !== true) {
      await withStore(values, {}, async () => undefined);
      remark("the store is ready");
      return EXIT.ok;
    }
    const { migrationSql } = await import("../../connect.ts");
    const sql = await checked(() => migrationSql(url));
    if (sql === undefined) {
      throw new UsageFailure("this store needs no SQL", "The first process that uses it makes it ready.");
    }
    print(sql);
    return EXIT.ok;
  },
});
