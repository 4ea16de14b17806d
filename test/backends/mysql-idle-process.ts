import { connect } from "holdfast";

/** Uses a lock and a record, and leaves everything open. */
const hf = await connect(process.argv[2] ?? "", { namespace: "idle" });
await hf.mutex("m").withLock(async () => undefined);
await hf.records<number>("r").put("k", 1);
