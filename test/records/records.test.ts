import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  applyPatch,
  connect,
  ConflictError,
  StaleTokenError,
  UniqueError,
  type Checkpoint,
  type Coordinator,
  type RecordVersion,
} from "holdfast";
import { recordStores } from "./stores.ts";
import type { StartedStore } from "../locks/store-urls.ts";

interface Contact {
  readonly name: string;
  readonly email?: string;
  readonly owner?: { readonly id: string };
  readonly score?: number;
}

for (const { name, start } of recordStores) {
  describe(`records on ${name}`, () => {
    let store: StartedStore;
    let hf: Coordinator;
    let other: Coordinator;
    let count = 0;
    const fresh = (): string => `${name}-${(count += 1)}`;

    before(async () => {
      store = await start();
      [hf, other] = await Promise.all([connect(store.url), connect(store.url)]);
    });
    after(async () => {
      await hf?.close();
      await other?.close();
      await store?.stop();
    });

    test("history tells who made what of a record, and why; diff and revert work on it", async () => {
      const contacts = hf.records<Contact>(fresh());
      const first = await contacts.put("1", { name: "Ann" }, { author: "eve", reason: "from the fair" });
      const second = await contacts.put("1", { name: "Ann", score: 3 }, { messages: [{ mail: "welcome" }] });
      await contacts.delete("1", { ifRevision: second.revision, author: "bob" });
      const reverted = await contacts.revert("1", first.revision, { author: "ann" });
      assert.deepEqual(await contacts.get("1"), reverted);
      const history = await contacts.history("1");
      assert.deepEqual(
        history.map(({ value, author, reason, messages }) => [value, author, reason, messages]),
        [
          [{ name: "Ann" }, "ann", `as at ${first.revision}`, []],
          [null, "bob", null, []],
          [{ name: "Ann", score: 3 }, null, null, [{ mail: "welcome" }]],
          [{ name: "Ann" }, "eve", "from the fair", []],
        ],
      );
      for (const [at, version] of history.entries()) {
        assert.deepEqual(version.parents, at === 3 ? [] : [history[at + 1]?.revision]);
        assert.deepEqual(await contacts.at("1", version.revision), version);
      }
      assert.deepEqual(await contacts.history("1", { after: history[1]!.revision, limit: 1 }), [history[2]]);
      const patch = await contacts.diff("1", first.revision, second.revision);
      assert.deepEqual(applyPatch(first.value, patch!), second.value);
      assert.equal(await contacts.diff("1", first.revision, "never was"), null);
      assert.equal(await contacts.at("1", "never was"), null);
      await assert.rejects(contacts.revert("1", "never was"), /no revision "never was" in its history/);
      assert.equal(await contacts.revert("1", history[1]!.revision), null, "to a deletion");
      assert.equal(await contacts.get("1"), null);
    });

    test("a write has one effect, however often it is asked for and whatever came after it", async () => {
      const numbers = hf.records<number>(fresh());
      const once = await numbers.put("n", 1, { opId: "one" });
      await numbers.put("n", 2);
      assert.deepEqual(await numbers.put("n", 1, { opId: "one" }), once);
      assert.deepEqual(await numbers.put("n", 5, { opId: "one", ifRevision: null }), once);
      assert.equal((await numbers.get("n"))?.value, 2);
      await numbers.delete("n", { opId: "two" });
      await numbers.put("n", 3);
      await numbers.delete("n", { opId: "two" });
      assert.equal((await numbers.get("n"))?.value, 3);
      assert.equal((await numbers.history("n")).length, 4);
    });

    test("a unique field has one record for each value, and says which", async () => {
      const contacts = hf.records<Contact>(fresh(), { unique: ["email"] });
      await contacts.put("1", { name: "Ann", email: "a@x" });
      await assert.rejects(contacts.put("2", { name: "Bob", email: "a@x" }), (error) => {
        assert.ok(error instanceof UniqueError);
        assert.deepEqual([error.key, error.field, error.owner], ["2", "email", "1"]);
        return true;
      });
      await assert.rejects(
        contacts.update("2", () => ({ name: "Bob", email: "a@x" })),
        UniqueError,
      );
      await contacts.put("2", { name: "Bob" });
      await contacts.put("3", { name: "Cid" });
      await contacts.update("1", (contact) => ({ ...contact!, email: "ann@x" }));
      await contacts.put("2", { name: "Bob", email: "a@x" });
      await contacts.delete("2");
      await contacts.put("3", { name: "Cid", email: "a@x" });
      const plain = hf.records<Contact>(contacts.collection);
      await assert.rejects(
        plain.put("4", { name: "Dee", email: "a@x" }),
        UniqueError,
        "declared once for all",
      );
    });

    test("records are listed by declared fields, page by page", async () => {
      const contacts = hf.records<Contact>(fresh(), { index: ["owner.id", "score", "name"] });
      for (let at = 0; at < 9; at += 1) {
        const owner = { id: at % 2 === 0 ? "eve" : "bob" };
        await contacts.put(`c${at}`, { name: `N${9 - at}`, owner, ...(at === 8 ? {} : { score: -at * 10 }) });
      }
      await contacts.put("elsewhere", { name: "X" });
      const keys = (found: readonly { readonly key: string }[]): string =>
        found.map(({ key }) => key).join(" ");
      const where = { "owner.id": "eve" };
      assert.equal(keys(await contacts.list({ where })), "c0 c2 c4 c6 c8");
      assert.equal(keys(await contacts.list({ where, limit: 2, after: "c2" })), "c4 c6");
      assert.equal(keys(await contacts.list({ where: { "owner.id": "none" } })), "");
      assert.equal(keys(await contacts.list({ orderBy: "score" })), "c7 c6 c5 c4 c3 c2 c1 c0");
      assert.equal(keys(await contacts.list({ orderBy: "score", from: -30, limit: 3 })), "c3 c2 c1");
      const after = { value: -30, key: "c3" };
      assert.equal(keys(await contacts.list({ orderBy: "score", after, limit: 2 })), "c2 c1");
      assert.equal(keys(await contacts.list({ orderBy: "name", prefix: "N1" })), "c8");
      assert.equal(keys(await contacts.list({ limit: 2, prefix: "c" })), "c0 c1");
      assert.throws(() => hf.records(contacts.collection, { index: ["name"] }), /declared otherwise before/);
    });

    test("several records are written together, or none is", async (t) => {
      const contacts = hf.records<Contact>(fresh(), { unique: ["email"] });
      const tasks = hf.records<string>(fresh());
      const ann = await contacts.put("ann", { name: "Ann", email: "a@x" });
      const bob = await contacts.put("bob", { name: "Bob", email: "b@x" });
      try {
        await hf.write([contacts.planPut("ann", ann.value), tasks.planPut("call", "Ann")]);
      } catch (error) {
        return t.diagnostic(`this store cannot: ${String(error)}`);
      }
      const [annNow, bobNow, gone] = await hf.write([
        contacts.planPut("ann", { name: "Ann", email: "b@x" }, { author: "eve" }),
        contacts.planPut("bob", { name: "Bob", email: "a@x" }, { ifRevision: bob.revision }),
        tasks.planDelete("call"),
      ]);
      assert.deepEqual([annNow, bobNow, gone], [await contacts.get("ann"), await contacts.get("bob"), null]);
      assert.equal(annNow?.author, "eve");
      const late = [tasks.planPut("write", "Bob"), contacts.planDelete("bob", { ifRevision: bob.revision })];
      await assert.rejects(hf.write(late), (error) => {
        assert.ok(error instanceof ConflictError);
        assert.deepEqual([error.key, error.theirs], ["bob", bobNow]);
        return true;
      });
      const same = [
        contacts.planPut("x", { name: "X", email: "c@x" }),
        contacts.planPut("y", { name: "Y", email: "c@x" }),
      ];
      await assert.rejects(hf.write(same), UniqueError);
      const fence = { resource: fresh(), token: 5n };
      await tasks.put("fenced", "1", { fence: { ...fence, token: 9n } });
      await assert.rejects(
        hf.write([tasks.planPut("a", "1"), tasks.planPut("fenced", "2", { fence })]),
        StaleTokenError,
      );
      assert.deepEqual(await tasks.list({ limit: 9 }), [await tasks.get("fenced")]);
      await assert.rejects(hf.write([]), RangeError);
      await assert.rejects(
        hf.write([tasks.planDelete("a"), tasks.planDelete("a")]),
        /one plan for each record/,
      );
      const foreign = other.records<string>(tasks.collection).planDelete("a");
      await assert.rejects(hf.write([tasks.planDelete("b"), foreign]), /of one coordinator/);
    });

    test("changes are read page by page, and a checkpoint may be stored as JSON", async () => {
      const numbers = hf.records<number>(fresh());
      for (let at = 0; at < 5; at += 1) await numbers.put(`n${at % 2}`, at, { messages: [at] });
      await numbers.delete("n0");
      const seen: RecordVersion<number>[] = [];
      let after: Checkpoint | null = null;
      for (let more = true; more;) {
        const page = await other.records<number>(numbers.collection).changes({ after, limit: 2 });
        assert.ok(page.kind === "page");
        seen.push(...page.versions);
        more = page.more;
        after = JSON.parse(JSON.stringify(page.checkpoint)) as Checkpoint;
      }
      const of = (key: string): readonly unknown[] => seen.filter((v) => v.key === key).map((v) => v.value);
      assert.deepEqual(
        [of("n0"), of("n1")],
        [
          [0, 2, 4, null],
          [1, 3],
        ],
      );
      assert.deepEqual(await numbers.changes({ after: await numbers.checkpoint() }), {
        kind: "page",
        versions: [],
        checkpoint: await numbers.checkpoint(),
        more: false,
      });
      await assert.rejects(hf.records(fresh()).changes({ after }), /this checkpoint is of/);
      await assert.rejects(numbers.changes({ after: {} }), TypeError);
      await assert.rejects(numbers.changes({ after: 5 as never }), TypeError);
      await assert.rejects(numbers.changes({ limit: 0 }), RangeError);
    });

    test("watch gives pages as they come, until it is stopped", async () => {
      const numbers = hf.records<number>(fresh());
      const watching = other.records<number>(numbers.collection);
      const stopping = new AbortController();
      const seen: number[] = [];
      const watched = (async () => {
        for await (const page of watching.watch({ signal: stopping.signal, limit: 3 })) {
          assert.ok(page.kind === "page" && page.versions.length > 0);
          seen.push(...page.versions.map(({ value }) => value!));
          if (seen.length === 10) stopping.abort(new Error("enough"));
        }
      })();
      for (let at = 0; at < 10; at += 1) await numbers.put("n", at);
      await assert.rejects(watched, /enough/);
      assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const third = await connect(store.url);
      const idle = third
        .records(numbers.collection)
        .watch({ after: await numbers.checkpoint() })
        .next();
      idle.catch(() => undefined);
      await third.records(numbers.collection).get("n");
      await third.close();
      await assert.rejects(idle, { name: "ClosedError" });
    });

    test("readers keep their checkpoints in the store", async () => {
      const numbers = hf.records<number>(fresh());
      assert.equal(await numbers.readers.get("mailer"), null);
      const checkpoint = await numbers.checkpoint();
      await numbers.readers.keep("mailer", checkpoint);
      assert.deepEqual(await other.records(numbers.collection).readers.get("mailer"), checkpoint);
      await assert.rejects(hf.records(fresh()).readers.keep("mailer", checkpoint), /this checkpoint is of/);
      await numbers.readers.forget("mailer");
      assert.equal(await numbers.readers.get("mailer"), null);
    });
  });
}
