import { writeSync } from "node:fs";
import { adaptive, connect, increment } from "holdfast";

/**
 * Sixteen writers of one record, until they are done or killed. Says synchronously what each is about to do,
 * and what was acknowledged.
 */
const WRITERS = 16;
const [url = "", collection = "", name = "", count = "0"] = process.argv.slice(2);
const hf = await connect(url, { callMs: 20_000 });
const counters = hf.records<{ readonly n?: number }>(collection);

async function write(writer: number): Promise<void> {
  for (let at = 0; at < Number(count); at += 1) {
    const opId = `${name}.${writer}.${at}`;
    writeSync(1, `? ${opId}\n`);
    await counters.update("hot", increment("n"), adaptive({ opId, deadlineMs: 60_000 }));
    writeSync(1, `! ${opId}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
await hf.close();
