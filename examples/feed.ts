import { connect } from "holdfast";

interface Order {
  readonly total: number;
}

const hf = await connect("memory:");
const orders = hf.records<Order>("orders");
const mirror = new Map<string, Order>();
const sent: unknown[] = [];
const stopping = new AbortController();
const { signal } = stopping;

// #region outbox
// The message is kept if and only if the order is.
await orders.put("A-1", { total: 12 }, { messages: [{ mail: "confirmation", to: "ann@example.org" }] });
// #endregion

const readEverything = async (): Promise<void> => {
  mirror.clear();
  for (const { key, value } of await orders.list({ limit: 10_000 })) mirror.set(key, value);
};

async function follow(): Promise<void> {
  // #region follow
  const after = await orders.readers.get("mailer"); // where it was when this process last ended
  for await (const page of orders.watch({ after, signal })) {
    if (page.kind === "reset") await readEverything();
    else {
      for (const { key, value, messages } of page.versions) {
        if (value === null) mirror.delete(key);
        else mirror.set(key, value);
        sent.push(...messages);
      }
    }
    await orders.readers.keep("mailer", page.checkpoint); // only now: what was read is safe
  }
  // #endregion
}

const following = follow();
await orders.put("A-2", { total: 30 });
await orders.delete("A-1");
while (mirror.size !== 1 || !mirror.has("A-2")) await new Promise((resolve) => setTimeout(resolve, 5));
stopping.abort();
await following.catch((error: unknown) => {
  if (!signal.aborted) throw error;
});
if (sent.length !== 1) throw new Error("a message was lost, or came twice");
await hf.close();
