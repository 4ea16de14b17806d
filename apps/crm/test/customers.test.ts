import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { connect as connectSocket } from "node:net";
import { after, before, describe, it } from "node:test";
import { asAdmin, assertProblem, etagOf, inTurn, textOf, type Answer, type Client } from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { storeKinds, type Store } from "./stores.ts";

/** Fewer on a slow machine: CRM_TEST_EDITS=1000. */
const EDITS = Number(process.env["CRM_TEST_EDITS"] ?? 10_000);
const EDITORS = 24;
const EDITED_CUSTOMERS = 40;

for (const kind of storeKinds()) {
  describe(`customers over three nodes on ${kind.name}`, { skip: kind.skip }, () => {
    let store: Store;
    let platform: Platform;
    let client: Client;
    before(async () => {
      store = await kind.start();
      platform = await startPlatform(store);
      client = await asAdmin(at(0));
    });
    after(async () => {
      await platform?.stop();
      await store?.end();
    });
    const at = (index: number): string => inTurn(platform.addresses, index);

    const create = async (fields: object): Promise<{ path: string; etag: string; answer: Answer }> => {
      const answer = await client.post(`${at(0)}/api/customers`, fields);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return { path: textOf(answer.headers.location), etag: etagOf(answer), answer };
    };

    it("a customer is created at one node and read at all others, with a strong ETag", async () => {
      const { path, etag, answer } = await create({ name: " Ada ", tags: ["vip"], score: 3 });
      assert.equal(answer.body["name"], "Ada");
      for (const index of platform.addresses.keys()) {
        const read = await client.get(at(index) + path);
        assert.equal(read.status, 200);
        assert.match(etagOf(read), /^"[^"]+"$/);
        assert.equal(etagOf(read), etag);
        assert.deepEqual(read.body, answer.body);
        const known = await client.get(at(index) + path, { "if-none-match": `"other", W/${etag}` });
        assert.equal(known.status, 304);
        assert.equal(etagOf(known), etag);
      }
    });

    it("a write needs If-Match (428), of the current revision (412 with what is there now)", async () => {
      const { path, etag } = await create({ name: "Grace", phone: "1" });
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        assertProblem(
          await client.send(method, at(1) + path, { body: { name: "x" } }),
          428,
          "revision-required",
        );
        const star = { body: { name: "x" }, headers: { "if-match": "*" } };
        assertProblem(await client.send(method, at(1) + path, star), 428, "revision-required");
      }
      const put = { body: { name: "Grace Hopper" }, headers: { "if-match": etag } };
      const changed = await client.send("PUT", at(1) + path, put);
      assert.equal(changed.status, 200);
      assert.notEqual(etagOf(changed), etag);
      assert.equal(changed.body["phone"], undefined, "PUT replaces all");
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        for (const stale of [etag, `W/${etagOf(changed)}`, '"no such"', "no tag"]) {
          const sent = { body: { name: "late" }, headers: { "if-match": stale } };
          const refused = await client.send(method, at(2) + path, sent);
          assertProblem(refused, 412, "stale-revision");
          assert.equal(etagOf(refused), etagOf(changed));
          assert.deepEqual(refused.body["current"], changed.body);
        }
      }
      const either = { "if-match": `${etag}, ${etagOf(changed)}` };
      assert.equal((await client.send("DELETE", at(0) + path, { headers: either })).status, 204);
      assertProblem(await client.get(at(1) + path), 404, "not-found");
      assertProblem(await client.send("PUT", at(1) + path, put), 404, "not-found");
    });

    it("a merge patch sets what it names, removes what is null, and the result is checked", async () => {
      const { path, etag, answer } = await create({ name: "Alan", phone: "1", notes: "n", visits: 1 });
      const patch = { body: { notes: null, visits: 2 }, headers: { "if-match": etag } };
      const patched = await client.send("PATCH", at(1) + path, patch);
      const { notes: _, ...rest } = answer.body;
      const { updatedAt, etag: tag } = patched.body;
      assert.deepEqual(patched.body, { ...rest, visits: 2, updatedAt, etag: tag });
      const headers = { "if-match": etagOf(patched) };
      const nameless = await client.send("PATCH", at(2) + path, { body: { name: null }, headers });
      assertProblem(nameless, 422, "invalid");
      assert.match(JSON.stringify(nameless.body["errors"]), /"field":"name"/);
      const whole = await client.send("PUT", at(2) + path, {
        body: { ...patched.body, id: "other" },
        headers,
      });
      assert.equal(whole.status, 200, "what was read can be written back");
      assert.equal(whole.body["id"], answer.body["id"], "an id never changes");
    });

    it("what is not valid is refused by the name of its field", async () => {
      const refusals: readonly (readonly [unknown, number, string, string?])[] = [
        [{}, 422, "invalid", "name"],
        [{ name: "" }, 422, "invalid", "name"],
        [{ name: "x", email: "no address" }, 422, "invalid", "email"],
        [{ name: "x", tags: ["a", 7] }, 422, "invalid", "tags.1"],
        [{ name: "x", deep: { a: 1 } }, 422, "invalid", "deep"],
        [{ name: "x", "no name": 1 }, 422, "invalid", "no name"],
        [[], 422, "invalid", ""],
        ["{", 400, "malformed-json"],
        ["", 400, "malformed-json"],
        [JSON.stringify({ name: "x", notes: "n".repeat(200_000) }), 413, "body-too-large"],
      ];
      for (const [body, status, type, field] of refusals) {
        const answer = await client.post(`${at(0)}/api/customers`, body);
        assertProblem(answer, status, type);
        if (field === undefined) continue;
        const errors = answer.body["errors"] as readonly { field: string }[];
        assert.ok(
          errors.some((each) => each.field === field),
          `${field} in ${JSON.stringify(errors)}`,
        );
      }
      const text = await client.post(`${at(0)}/api/customers`, "name=x", {
        "content-type": "text/plain",
      });
      assertProblem(text, 415, "json-required");
      for (const path of ["..%2f..%2fetc", "1", "%00", "x".repeat(3_000), "\u{1f600}"]) {
        assertProblem(await client.get(`${at(0)}/api/customers/${path}`), 404, "not-found");
      }
    });

    it("a body that nobody read does not end the connection that others still use", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const send = (method: string, path: string, body: string): Promise<number> =>
        new Promise((resolve, reject) => {
          const headers = { "content-type": "application/json", "content-length": body.length };
          const sent = request(at(0) + path, { agent, method, headers }, (answer) => {
            answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
          });
          sent.once("error", reject).end(body);
        });
      try {
        assert.equal(await send("POST", "/api/customers", '{"name":"x"}'), 401);
        assert.equal(await send("POST", "/nothing", '{"name":"x"}'), 404);
        const until = performance.now() + 800;
        while (performance.now() < until) assert.equal(await send("GET", "/healthz", ""), 200);
      } finally {
        agent.destroy();
      }
    });

    it("what is no HTTP request, or has no end, is answered and cut off", async () => {
      const { port } = new URL(at(0));
      const exchange = async (text: string): Promise<string> => {
        const socket = connectSocket(Number(port), "127.0.0.1");
        socket.on("error", () => undefined).write(text);
        const chunks: string[] = [];
        for await (const chunk of socket) chunks.push(String(chunk));
        return chunks.join("");
      };
      assert.match(await exchange("hello\r\n\r\n"), /^HTTP\/1.1 400 [^]*"type":"unreadable-request"/);
      assert.match(
        await exchange("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n"),
        /^HTTP\/1.1 400 /,
      );
      const endless =
        "POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
        "transfer-encoding: chunked\r\n\r\n" +
        `${(150_000).toString(16)}\r\n${"x".repeat(150_000)}\r\n`;
      assert.match(await exchange(endless), /^HTTP\/1.1 413 [^]*"type":"body-too-large"/);
    });

    it("lists come in pages, by age, whole", async () => {
      const names = Array.from({ length: 7 }, (_, index) => `page ${index}`);
      for (const name of names) await create({ name });
      const found: { name: string; id: string; etag: string }[] = [];
      let next: unknown = "/api/customers?limit=3";
      for (let page = 0; next !== null; page++) {
        const answer = await client.get(at(page) + textOf(next));
        assert.equal(answer.status, 200);
        found.push(...(answer.body["items"] as typeof found));
        next = answer.body["next"];
      }
      assert.deepEqual(
        found.slice(-7).map(({ name }) => name),
        names,
      );
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
      for (const limit of ["0", "201", "x", "1.5"]) {
        assertProblem(await client.get(`${at(0)}/api/customers?limit=${limit}`), 422, "invalid");
      }
      const { id, etag } = found.at(-1)!;
      const edit = { body: { visits: 1 }, headers: { "if-match": etag } };
      assert.equal((await client.send("PATCH", `${at(1)}/api/customers/${id}`, edit)).status, 200);
    });

    it(`none of ${EDITS} random edits at once is lost`, async (t) => {
      const paths: string[] = [];
      const etags: string[] = [];
      for (let index = 0; index < EDITED_CUSTOMERS; index++) {
        const { path, etag } = await create({ name: `edited ${index}`, edits: 0 });
        paths.push(path);
        etags.push(etag);
      }
      /** Which edits were acknowledged, per customer: the number that each one wrote. */
      const acknowledged = paths.map((): number[] => []);
      /** What the editors last heard of each customer: out of date whenever two are at the same one. */
      const seen = etags.map((etag) => ({ etag, edits: 0 }));
      let left = EDITS;
      let refused = 0;
      const started = performance.now();
      const editor = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const which = Math.floor(Math.random() * paths.length);
          for (let isDone = false; !isDone;) {
            const { etag, edits } = seen[which]!;
            const sent = { body: { edits: edits + 1 }, headers: { "if-match": etag } };
            const url = at(Math.floor(Math.random() * 3)) + paths[which]!;
            const answer = await client.send("PATCH", url, sent);
            isDone = answer.status === 200;
            if (isDone) acknowledged[which]!.push(edits + 1);
            else assertProblem(answer, 412, "stale-revision");
            const now = isDone ? answer.body : (answer.body["current"] as Answer["body"]);
            seen[which] = { etag: etagOf(answer), edits: now["edits"] as number };
            if (!isDone) refused += 1;
          }
        }
      };
      await Promise.all(Array.from({ length: EDITORS }, editor));
      for (const [which, path] of paths.entries()) {
        const { body } = await client.get(at(which) + path);
        const numbers = acknowledged[which]!.sort((a, b) => a - b);
        assert.equal(body["edits"], numbers.length, `${path}: each acknowledged edit is in the result`);
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index + 1),
          `${path}: and built on the one before`,
        );
      }
      const total = acknowledged.reduce((sum, numbers) => sum + numbers.length, 0);
      assert.equal(total, EDITS);
      const seconds = (performance.now() - started) / 1000;
      t.diagnostic(`${EDITS} edits and ${refused} refusals in ${seconds.toFixed(1)} s`);
    });
  });
}
