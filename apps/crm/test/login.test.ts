import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { asAdmin, assertProblem, inTurn, login, newAccount, Client } from "./client.ts";
import { startPlatform, type Platform } from "./platform.ts";
import { storeKinds, type Store } from "./stores.ts";

const LOGINS = 100;

for (const kind of storeKinds()) {
  describe(`sessions over three nodes on ${kind.name}`, { skip: kind.skip }, () => {
    let store: Store;
    let platform: Platform;
    let nodes: readonly string[];
    let admin: Client;
    before(async () => {
      store = await kind.start();
      platform = await startPlatform(store);
      nodes = platform.addresses;
      admin = await asAdmin(nodes[0]!);
    });
    after(async () => {
      await platform?.stop();
      await store?.end();
    });
    const node = (index: number): string => inTurn(nodes, index);
    const account = (): ReturnType<typeof newAccount> => newAccount(node(0), admin);
    const me = (client: Client, index = 0): ReturnType<Client["get"]> =>
      client.get(`${node(index)}/api/me`);

    it(`${LOGINS} logins at once leave exactly one valid session, which all nodes know`, async () => {
      const credentials = await account();
      const logins = await Promise.all(
        Array.from({ length: LOGINS }, (_, index) => login(node(index), credentials)),
      );
      for (const { answer } of logins) assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const looks = await Promise.all(logins.map(({ client }, index) => me(client, index + 1)));
      const valid = logins.filter((_, index) => looks[index]?.status === 200);
      assert.equal(valid.length, 1);
      for (const look of looks) if (look.status !== 200) assertProblem(look, 401, "session-displaced");
      for (const index of nodes.keys()) assert.equal((await me(valid[0]!.client, index)).status, 200);
      const epochs = logins.map(({ answer }) => (answer.body["session"] as { epoch: number }).epoch);
      assert.equal(new Set(epochs).size, LOGINS, "each login has an epoch of its own");
      assert.equal((valid[0]!.answer.body["session"] as { epoch: number }).epoch, Math.max(...epochs));
    });

    it(`${LOGINS} logins at once that reject let exactly one in`, async () => {
      const credentials = { ...(await account()), onConflict: "reject" };
      const logins = await Promise.all(
        Array.from({ length: LOGINS }, (_, index) => login(node(index), credentials)),
      );
      const winners = logins.filter(({ answer }) => answer.status === 200);
      assert.equal(winners.length, 1);
      for (const each of logins)
        if (each !== winners[0]) assertProblem(each.answer, 409, "session-exists");
      assert.equal((await me(winners[0]!.client, 2)).status, 200);
    });

    it("a displaced session is told so, at every node, and cannot sign the newer one out", async () => {
      const credentials = await account();
      const { client: old } = await login(node(0), credentials);
      const { client: newer } = await login(node(1), credentials);
      for (const index of nodes.keys()) assertProblem(await me(old, index), 401, "session-displaced");
      assertProblem(await old.post(`${node(2)}/api/logout`), 401, "session-displaced");
      assert.equal((await me(newer, 2)).status, 200);
    });

    it("logouts of an old session while a new one is opened never end the new one", async () => {
      const credentials = await account();
      for (let round = 0; round < 4; round++) {
        const { client: old } = await login(node(round), credentials);
        const [{ client: newer }, ...logouts] = await Promise.all([
          login(node(round + 1), credentials),
          ...Array.from({ length: 6 }, (_, index) => old.post(`${node(index)}/api/logout`)),
        ]);
        for (const { status } of logouts) assert.ok(status === 204 || status === 401, String(status));
        assert.equal((await me(newer, round)).status, 200);
      }
    });

    it("logout ends the session everywhere, after which `reject` lets the next one in", async () => {
      const credentials = await account();
      const { client, answer } = await login(node(0), credentials);
      assert.match(String(answer.headers["set-cookie"]), /HttpOnly/i);
      assert.match(String(answer.headers["set-cookie"]), /SameSite=Lax/i);
      assert.match(String(answer.headers["set-cookie"]), /Path=\//i);
      const out = await client.post(`${node(1)}/api/logout`);
      assert.equal(out.status, 204);
      assert.match(String(out.headers["set-cookie"]), /sid=;/);
      assertProblem(await me(client, 2), 401, "session-ended");
      assert.equal((await login(node(2), { ...credentials, onConflict: "reject" })).answer.status, 200);
    });

    it("wrong passwords, unknown addresses and forged cookies get nothing and learn nothing", async () => {
      const { email, password } = await account();
      const { client } = await login(node(0), { email, password });
      const wrong = await login(node(0), { email, password: "not it" });
      const unknown = await login(node(0), { email: "nobody@crm.test", password });
      assertProblem(wrong.answer, 401, "wrong-credentials");
      assertProblem(unknown.answer, 401, "wrong-credentials");
      assert.deepEqual(wrong.answer.body, unknown.answer.body);
      const [id = "", epoch = "", secret = "", seal = ""] = (client.cookie ?? "").split(".");
      const other = secret.replace(/^./, (char) => (char === "A" ? "B" : "A"));
      const forged = [
        "",
        "x",
        [id, "0", secret, seal].join("."),
        [id, epoch, other, seal].join("."),
        ["A".repeat(22), epoch, secret, seal].join("."),
      ];
      for (const cookie of forged) assertProblem(await me(new Client(cookie)), 401, "not-signed-in");
      assert.equal((await me(client)).status, 200);
    });

    it("every route but login and the probes wants a session; accounts are an admin's matter", async () => {
      const nobody = new Client();
      const routes: readonly (readonly [string, string])[] = [
        ["POST", "/api/logout"],
        ["GET", "/api/me"],
        ["POST", "/api/users"],
        ["GET", "/api/customers"],
        ["POST", "/api/customers"],
        ["PATCH", "/api/customers/1"],
        ["GET", "/api/orders"],
        ["POST", "/api/orders"],
        ["POST", "/api/orders/1/process"],
        ["GET", "/api/locks"],
        ["GET", "/api/nothing"],
      ];
      for (const [method, path] of routes) {
        assertProblem(await nobody.send(method, node(0) + path), 401, "not-signed-in");
      }
      for (const path of ["/healthz", "/readyz"])
        assert.equal((await nobody.get(node(1) + path)).status, 200);
      assertProblem(await nobody.get(`${node(0)}/nothing`), 404, "not-found");
      const credentials = await account();
      const { client } = await login(node(0), credentials);
      assertProblem(await client.post(`${node(0)}/api/users`, credentials), 403, "forbidden");
      assertProblem(await admin.post(`${node(0)}/api/users`, credentials), 409, "email-taken");
      const { email } = credentials;
      const short = await admin.post(`${node(0)}/api/users`, { email, password: "short" });
      assertProblem(short, 422, "invalid");
      assert.match(JSON.stringify(short.body["errors"]), /"field":"password"/);
    });
  });
}
