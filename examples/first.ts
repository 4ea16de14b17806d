import { connect } from "holdfast";

const hf = await connect("memory:"); // sqlite:./app.db or redis://127.0.0.1:6379 for several processes
const stock = hf.records<{ pieces: number }>("stock");
await stock.put("apple", { pieces: 3 });

await hf.mutex("apple").withLock(async (lease) => {
  const { value } = (await stock.get("apple"))!;
  await stock.put("apple", { pieces: value.pieces - 1 }, { fence: lease });
});
console.log((await stock.get("apple"))?.value);
await hf.close();
