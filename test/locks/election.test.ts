import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import {
  ClosedError,
  connect,
  LeaseLostError,
  LockTimeoutError,
  StaleTokenError,
  type Coordinator,
  type Leader,
  type Term,
} from "holdfast";
import { storeUrls, type StartedStore } from "./store-urls.ts";

/** A work that leads until it is told to stop, and how to get at its term. */
function reign(): { readonly work: (term: Term) => Promise<string>; readonly begun: Promise<Term> } {
  let begin: (term: Term) => void;
  const begun = new Promise<Term>((resolve) => (begin = resolve));
  const work = async (term: Term): Promise<string> => {
    begin(term);
    await aborted(term.signal);
    return `ended by ${term.id}`;
  };
  return { work, begun };
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const giveUpAt = Date.now() + 20_000; !(await holds()); await delay(5)) {
    assert.ok(Date.now() < giveUpAt, `never came true: ${what}`);
  }
}

const aborted = (signal: AbortSignal): Promise<unknown> =>
  signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", resolve));

for (const { name: store, start } of storeUrls.filter(({ name }) => name !== "Redis Cluster")) {
  describe(`an election on ${store}`, { concurrency: true }, () => {
    let started: StartedStore;
    let a: Coordinator;
    let b: Coordinator;
    let names = 0;
    const fresh = (): string => `job:${++names}`;
    const candidates = async (name: string): Promise<number> => (await a.inspect(name)).waiters.length;

    before(async () => {
      started = await start();
      a = await connect(started.url, { fallbackMs: 100 });
      b = await connect(started.url, { fallbackMs: 100 });
    });
    after(async () => {
      await a?.close();
      await b?.close();
      await started?.stop();
    });

    test("one leads at a time, first come, first served; later terms have higher numbers", async () => {
      const name = fresh();
      const terms: Term[] = [];
      let leading = 0;
      const work = async (term: Term): Promise<string> => {
        assert.equal((leading += 1), 1);
        terms.push(term);
        await delay(5);
        leading -= 1;
        return term.id;
      };
      const first = reign();
      const led = a.election(name).lead("first", first.work);
      const term = await first.begun;
      const others = [];
      for (const [index, hf] of [b, a, b, a].entries()) {
        others.push(hf.election(name).lead(`node ${index}`, work));
        await until("the candidate to stand", async () => (await candidates(name)) === index + 1);
      }
      term.resign();
      assert.equal(await led, "ended by first");
      assert.deepEqual(await Promise.all(others), ["node 0", "node 1", "node 2", "node 3"]);
      for (const [index, { token }] of terms.entries()) {
        assert.ok(token > (terms[index - 1]?.token ?? term.token));
      }
      assert.equal(await a.election(name).leader(), null);
    });

    test("everybody sees who leads, its term, and what it proclaims", async () => {
      const name = fresh();
      const { begun, work } = reign();
      const led = a.election(name).lead("knoten-Ä 7", work);
      const term = await begun;
      const seen = await b.election(name).leader();
      assert.ok(seen !== null);
      assert.deepEqual([seen.id, seen.term, seen.value], ["knoten-Ä 7", term.token, null]);
      assert.equal(seen.owner.pid, process.pid);
      await Promise.all([term.proclaim("http://one"), term.proclaim("http://two\nü")]);
      assert.equal((await b.election(name).leader())?.value, "http://two\nü");
      await term.proclaim("");
      assert.equal((await b.election(name).leader())?.value, "");
      term.resign();
      await led;
      assert.equal(await b.election(name).leader(), null);
      await assert.rejects(term.proclaim("late"), { name: "AbortError" });
      await until("nothing to stay behind", async () => {
        const left: string[] = [];
        for await (const { resource } of a.list({ prefix: `${name} ` })) left.push(resource);
        return left.length === 0;
      });
    });

    test("observers see each leader once, in order, and what is proclaimed", async () => {
      const name = fresh();
      const stop = new AbortController();
      const seen: Leader[] = [];
      const observing = (async () => {
        for await (const leader of b.election(name).observe({ signal: stop.signal })) seen.push(leader);
      })();
      for (const id of ["one", "two", "three"]) {
        const { begun, work } = reign();
        const led = a.election(name).lead(id, work);
        const term = await begun;
        await until(`to see ${id}`, () => seen.at(-1)?.id === id);
        await term.proclaim(`at ${id}`);
        await until(`to see where ${id} is`, () => seen.at(-1)?.value === `at ${id}`);
        term.resign();
        await led;
      }
      assert.deepEqual(
        seen.map(({ id, value }) => [id, value]),
        ["one", "two", "three"].flatMap((id) => [[id, null], [id, `at ${id}`]]),
      );
      const left = assert.rejects(observing, /seen enough/);
      stop.abort(new Error("seen enough"));
      await left;
    });

    test("a leader hands over when asked to, and stands again behind the others", async () => {
      const name = fresh();
      assert.equal(await a.election(name).handOver(), false, "nobody leads");
      const stop = new AbortController();
      const leaders: string[] = [];
      const work = async (term: Term): Promise<void> => {
        leaders.push(term.id);
        await aborted(term.signal);
        assert.equal(term.lost.aborted, false);
      };
      const { signal } = stop;
      const led = [a.election(name).lead("a", work, { signal })];
      await until("a to lead", () => leaders.length === 1);
      led.push(b.election(name).lead("b", work, { signal }));
      await until("b to stand", async () => (await candidates(name)) === 1);
      assert.equal(await b.election(name).handOver(), true); // asked from another process
      await until("b to lead", async () => leaders.length === 2 && (await candidates(name)) === 1);
      assert.equal(await b.election(name).handOver(), true); // asked from its own
      await until("a to lead again", () => leaders.length === 3);
      assert.deepEqual(leaders, ["a", "b", "a"]);
      const withdrawn = led.map((each) => assert.rejects(each, /shut down/));
      stop.abort(new Error("shut down"));
      await Promise.all(withdrawn);
    });

    test("asking a leader that will not stop takes no longer than one likes to wait", async () => {
      const name = fresh();
      let end = (): void => undefined;
      const work = (): Promise<void> => new Promise((resolve) => (end = resolve));
      const led = a.election(name).lead("stubborn", work, { once: true });
      const asked = assert.rejects(led, /asked to hand over/);
      await until("it to lead", async () => (await b.election(name).leader()) !== null);
      await assert.rejects(b.election(name).handOver({ waitMs: 200 }), LockTimeoutError);
      await assert.rejects(b.election(name).handOver({ signal: AbortSignal.timeout(100) }), {
        name: "TimeoutError",
      });
      assert.equal((await b.election(name).leader())?.id, "stubborn");
      end();
      await asked;
    });

    test("whoever is deposed by force stops, is fenced off, and stands again", async () => {
      const name = fresh();
      const stop = new AbortController();
      const terms: Term[] = [];
      const work = async (term: Term): Promise<void> => {
        terms.push(term);
        await aborted(term.signal);
      };
      const led = a.election(name).lead("a", work, { signal: stop.signal });
      await until("it to lead", () => terms.length === 1);
      const log = a.records<string>("log");
      await log.put(name, "first term", { fence: terms[0]! });
      await b.forceRelease(name, { reason: "test" });
      await until("it to lead again", () => terms.length === 2);
      assert.ok(terms[0]!.lost.reason instanceof LeaseLostError);
      assert.ok(terms[0]!.signal.reason instanceof LeaseLostError);
      assert.ok(terms[1]!.token > terms[0]!.token);
      await log.put(name, "second term", { fence: terms[1]! });
      await assert.rejects(log.put(name, "too late", { fence: terms[0]! }), StaleTokenError);
      const withdrawn = assert.rejects(led, { name: "AbortError" });
      stop.abort();
      await withdrawn;
    });

    test("once: whoever loses leadership hears of it instead of standing again", async () => {
      const name = fresh();
      const { begun, work } = reign();
      const led = a.election(name).lead("a", work, { once: true });
      const rejected = assert.rejects(led, LeaseLostError);
      await begun;
      await b.forceRelease(name, { reason: "test" });
      await rejected;
      assert.equal(await a.election(name).leader(), null);
    });

    test("an error of the work ends the candidacy, also of one that was told to stop", async () => {
      const name = fresh();
      const broken = new Error("broken");
      const fails = async (): Promise<never> => Promise.reject(broken);
      await assert.rejects(a.election(name).lead("a", fails), (error) => error === broken);
      const { begun, work } = reign();
      const led = a.election(name).lead("a", async (term) => {
        await work(term);
        throw broken;
      });
      const rejected = assert.rejects(led, (error) => error === broken);
      await begun;
      await b.election(name).handOver();
      await rejected;
      assert.equal(await a.election(name).leader(), null);
    });

    test("a coordinator that is closed leads no more", async () => {
      const name = fresh();
      const c = await connect(started.url);
      const { begun, work } = reign();
      const led = c.election(name).lead("c", work);
      const refused = assert.rejects(led, ClosedError);
      await begun;
      await c.close();
      await refused;
      assert.equal(await a.election(name).leader(), null);
    });
  });
}

test("what cannot be used is refused before any I/O", async () => {
  const hf = await connect("memory:");
  const work = (): void => undefined;
  assert.throws(() => hf.election(""), /election's name must have 1 to 1012 bytes/);
  assert.throws(() => hf.election("x".repeat(1_013)), RangeError);
  const election = hf.election("x");
  await assert.rejects(election.lead("", work), /candidate's id must have 1 to 128 bytes/);
  await assert.rejects(election.lead("x".repeat(129), work), RangeError);
  await assert.rejects(election.lead("x", null as never), /lead takes an id and the work/);
  await assert.rejects(election.lead("x", work, { ttlMs: 1 }), /ttlMs must be/);
  await assert.rejects(election.lead("x", work, { signal: {} as never }), /must be an AbortSignal/);
  await assert.rejects(
    election.lead("x", (term) => term.proclaim("x".repeat(513))),
    /leader's value must have 0 to 512 bytes/,
  );
  await hf.close();
});
