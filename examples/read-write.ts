import { connect } from "holdfast";

const hf = await connect("memory:");
const order: string[] = [];

// #region use
const catalog = hf.rwLock("catalog");
const reader = await catalog.read.lock();

// A writer waits for the readers before it, and the readers after it wait for the writer.
const writing = catalog.write.withLock(() => void order.push("write"));
const reading = catalog.read.withLock(() => void order.push("read"));
console.log(await catalog.read.tryLock()); // null: there is a writer in the queue

await reader.release();
await Promise.all([writing, reading]);
// #endregion

if (order.join() !== "write,read") throw new Error(`a reader overtook the writer: ${order.join()}`);
await hf.close();
