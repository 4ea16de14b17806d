import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

export const base64 = (text: string): string => Buffer.from(text).toString("base64");

function send(
  port: number,
  path: string,
  body: object,
  answered: (response: IncomingMessage) => void,
): ClientRequest {
  const headers = { "content-type": "application/json" };
  const sent = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, answered);
  sent.end(JSON.stringify(body));
  return sent;
}

/** A call of the JSON gateway with the least around it: the floor. */
export function call(port: number, path: string, body: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const sent = send(port, path, body, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(JSON.parse(text) as Record<string, unknown>));
    });
    sent.on("error", reject);
  });
}

/** Calls back for every piece that a watch over the prefix brings. */
export function watch(port: number, prefix: string, told: (text: string) => void): Promise<void> {
  return new Promise((resolve) => {
    const create_request = { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) };
    send(port, "/v3/watch", { create_request }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (text.includes('"created":true')) resolve();
        else told(text);
      });
    });
  });
}

/** Creates the key if it is not there, attached to a lease, and deletes it: two transactions. */
export async function pair(port: number, key: string, lease: string): Promise<void> {
  const absent = { key: base64(key), target: "CREATE", result: "EQUAL", create_revision: "0" };
  const put = { request_put: { key: base64(key), value: base64("x".repeat(100)), lease } };
  await call(port, "/v3/kv/txn", { compare: [absent], success: [put] });
  await call(port, "/v3/kv/txn", { success: [{ request_delete_range: { key: base64(key) } }] });
}
