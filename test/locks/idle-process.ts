import { connect } from "holdfast";

/** A program that comes to its end while it holds a lock, and has closed nothing. */
const [url = ""] = process.argv.slice(2);
const hf = await connect(url, { ttlMs: 60_000 });
const lease = await hf.mutex("forgotten").lock();
lease.lost.addEventListener("abort", () => process.exit(1));
await hf.records("forgotten").put("key", 1, { fence: lease });
