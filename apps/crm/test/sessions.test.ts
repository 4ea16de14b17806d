import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Coordinator } from "holdfast";
import { Accounts } from "../domain/accounts.ts";
import { ensureAdmin, generatedAdmin, givenAdmin } from "../domain/first-admin.ts";
import { Refusal, type RefusalKind } from "../domain/refusals.ts";
import { Sessions } from "../domain/sessions.ts";

const ANN = { email: "ann@crm.test", password: "correct-horse", role: "member" as const };

const refused = (kind: RefusalKind) => (error: unknown) =>
  error instanceof Refusal && error.kind === kind;

describe("the rules of sessions", () => {
  let hf: Coordinator;
  let accounts: Accounts;
  before(async () => {
    hf = await connect("memory:sessions");
    accounts = new Accounts(hf);
    await accounts.create(ANN);
  });
  after(() => hf.close());

  const withLimits = (limits: object): Sessions =>
    new Sessions(accounts, { idleMs: 60_000, absoluteMs: 60_000, touchMs: 0, ...limits });

  it("a session that is not used ends, and does not stand in the way of one that rejects", async () => {
    const sessions = withLimits({ idleMs: 150 });
    const { cookie } = await sessions.open(ANN.email, ANN.password, "displace");
    for (let use = 0; use < 4; use++) {
      await delay(60);
      await sessions.check(cookie);
    }
    await delay(200);
    await assert.rejects(sessions.check(cookie), refused("session-expired"));
    await sessions.open(ANN.email, ANN.password, "reject");
    await assert.rejects(sessions.check(cookie), refused("session-displaced"));
  });

  it("a session that is used all the time ends some time all the same", async () => {
    const sessions = withLimits({ absoluteMs: 200 });
    const { cookie } = await sessions.open(ANN.email, ANN.password, "displace");
    await delay(120);
    await sessions.check(cookie);
    await delay(120);
    await assert.rejects(sessions.check(cookie), refused("session-expired"));
  });

  it("use is written down seldom, and never revives what a newer login has displaced", async () => {
    const sessions = withLimits({ touchMs: 10_000 });
    const { cookie, account } = await sessions.open(ANN.email, ANN.password, "displace");
    const before = await accounts.get(account.id);
    await sessions.check(cookie);
    assert.equal((await accounts.get(account.id))?.revision, before?.revision, "no write for a look");
    const eager = withLimits({ touchMs: 0 });
    await Promise.all([
      ...Array.from({ length: 10 }, () => eager.check(cookie).catch(() => undefined)),
      sessions.open(ANN.email, ANN.password, "displace"),
    ]);
    await assert.rejects(eager.check(cookie), refused("session-displaced"));
  });

  it("the end of an old session leaves a newer one alone", async () => {
    const sessions = withLimits({});
    const old = await sessions.open(ANN.email, ANN.password, "displace");
    const newer = await sessions.open(ANN.email, ANN.password, "displace");
    await sessions.end(old);
    await sessions.check(newer.cookie);
  });

  it("a generated admin is created once, a given one gets the password that the operator says", async () => {
    const fresh = await connect("memory:first-admin");
    try {
      const empty = new Accounts(fresh);
      const generated = generatedAdmin();
      assert.equal(await ensureAdmin(empty, generated), "created");
      assert.equal(await ensureAdmin(empty, generatedAdmin()), "others");
      const sessions = new Sessions(empty);
      const { cookie } = await sessions.open(generated.email, generated.password, "displace");
      assert.equal(
        await ensureAdmin(empty, givenAdmin(generated.email, generated.password)),
        "unchanged",
      );
      await sessions.check(cookie);
      assert.equal(await ensureAdmin(empty, givenAdmin(generated.email, "battery-staple")), "reset");
      await assert.rejects(sessions.check(cookie), refused("session-ended"));
      await sessions.open(generated.email, "battery-staple", "reject");
    } finally {
      await fresh.close();
    }
  });
});
