import { writeAll } from "./feed-writer.ts";

const [url = "", collection = "", name = "", count = ""] = process.argv.slice(2);
process.send?.(await writeAll(url, collection, name, Number(count)));
process.disconnect();
