import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Adds one to the number in a file, the way that loses updates: read, take one's time, write. */
const [file = ""] = process.argv.slice(2);
const count = Number(readFileSync(file, "utf8"));
await delay(100 + Math.random() * 200);
writeFileSync(file, String(count + 1));
