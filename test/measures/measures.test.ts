import assert from "node:assert/strict";
import { test } from "node:test";
import { Coordinator, LockTimeoutError, optimistic } from "holdfast";
import { memory, MemoryStore } from "holdfast/memory";
import { openTelemetry } from "holdfast/otel";
import { prometheus } from "holdfast/prometheus";

interface Counter {
  readonly n: number;
}

const increment = (value: Counter | null): Counter => ({ n: (value?.n ?? 0) + 1 });

/** Two processes that contend for locks and records, with a known number of everything. */
async function work(options = {}): Promise<{ hf: Coordinator; done(): Promise<void> }> {
  const store = new MemoryStore();
  const hf = new Coordinator(memory(store), options);
  const other = new Coordinator(memory(store));
  const first = await hf.mutex("order:42").lock();
  const local = hf.mutex("order:42").lock();
  await assert.rejects(other.mutex("order:42").lock({ waitMs: 5 }), LockTimeoutError);
  assert.equal(await other.mutex("order:42").tryLock(), null);
  await first.release();
  const second = await local;
  const remote = other.mutex("order:42").lock();
  while ((await hf.inspect("order:42")).waiters.length === 0) await new Promise(setImmediate);
  await second.release();
  await (await remote).release();
  await hf.mutex("order:43").lock();
  await hf.forceRelease("order:43", { reason: "test" });
  await hf.records<Counter>("c").update("a", increment);
  await Promise.all(Array.from({ length: 9 }, () => hf.records<Counter>("c").update("a", increment)));
  let meddled = false;
  const record = await other.records<Counter>("c").update("a", increment, async (target, edit) => {
    const strategy = optimistic();
    return strategy(target, (value) => {
      if (!meddled) void hf.records<Counter>("c").put("a", { n: 50 });
      meddled = true;
      return edit(value);
    });
  });
  assert.equal(record.record?.value.n, 51);
  return {
    hf,
    async done() {
      await Promise.all([hf.close(), other.close()]);
    },
  };
}

test("measures: locks by template, updates by collection, and nothing but what was counted", async () => {
  const { hf, done } = await work({ measures: {} });
  const { locks, records } = hf.measures();
  const [orders] = locks.filter(({ template }) => template === "order:*");
  assert.ok(orders !== undefined && !locks.some(({ template }) => template.includes("42")));
  assert.equal(orders.wait.count, 4);
  assert.equal(orders.hold.count, 4);
  assert.equal(orders.held, 0);
  assert.deepEqual(orders.handovers, { local: 1, remote: 1 });
  assert.deepEqual(orders.refused, { busy: 1, timeout: 1, aborted: 0, error: 0 });
  assert.deepEqual(orders.lost, { expired: 0, revoked: 1, stolen: 0, closed: 0 });
  assert.equal(orders.contentions, 3);
  assert.equal(orders.revoked, 1);
  const [collection] = records;
  assert.ok(collection !== undefined);
  assert.equal(collection.updates, 11);
  assert.equal(collection.wastedEdits, 1);
  assert.ok(Math.abs(collection.attemptsPerCommit - 12 / 11) < 1e-9);
  assert.ok(collection.combined > 2 && collection.conflictRatio > 0.1 && collection.conflictRatio < 0.5);
  await done();
});

test("measures begin when they are first asked for", async () => {
  const { hf, done } = await work();
  assert.deepEqual(hf.measures(), { locks: [], records: [] });
  await hf.mutex("a").withLock(() => 1);
  assert.equal(hf.measures().locks[0]?.wait.count, 1);
  await done();
});

test("a template of one's own; bad options are refused", () => {
  const backend = memory();
  assert.throws(() => new Coordinator(backend, { measures: { template: 1 as never } }), /must be a function/);
  assert.throws(() => new Coordinator(backend, { measures: { templates: 0 } }), RangeError);
  assert.throws(() => prometheus({ prefix: "1a" }), RangeError);
});

test("Prometheus: the text format, with histograms in seconds and no keys", async () => {
  const metrics = prometheus({ template: (name) => name.replace(/:.*/, ':"*"\n') });
  const { done } = await work();
  const text = metrics.text();
  metrics.stop();
  await done();
  const labels = String.raw`name_template="order:\"*\"\n",backend="memory"`;
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  const lines = text.split("\n");
  const count = `holdfast_lock_acquire_duration_seconds_count{${labels},outcome="acquired"} 4`;
  assert.ok(lines.includes(count), text);
  assert.ok(lines.includes(`holdfast_lock_handovers_total{${labels},reach="remote"} 1`));
  assert.ok(lines.includes(`holdfast_lock_held{${labels}} 0`));
  assert.ok(lines.includes(`holdfast_lock_lost_total{${labels},reason="revoked"} 1`));
  assert.ok(lines.includes('holdfast_record_updates_total{entity="c",backend="memory"} 11'));
  assert.ok(!/order:4[23]/.test(text));
  assert.ok(text.endsWith("\n"));
  for (const line of lines.slice(0, -1)) {
    assert.match(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\} [\d.e+-]+)$/);
  }
  const buckets = lines.filter((line) => line.startsWith("holdfast_lock_hold_duration_seconds_bucket"));
  const values = buckets.map((line) => Number(line.slice(line.lastIndexOf(" "))));
  assert.deepEqual(values, [...values].sort((a, b) => a - b));
  assert.equal(values.at(-1), 4);
});

test("OpenTelemetry: what a meter and a tracer are told", async () => {
  const told: string[] = [];
  const record = (name: string) => (value: number, attributes?: object) => {
    assert.ok(Number.isFinite(value));
    told.push(`${name} ${JSON.stringify(attributes)}`);
  };
  const stop = openTelemetry({
    meter: {
      createHistogram: (name) => ({ record: record(name) }),
      createCounter: (name) => ({ add: record(name) }),
      createUpDownCounter: (name) => ({ add: record(name) }),
    },
    tracer: {
      startSpan(name, options) {
        assert.ok(options?.startTime !== undefined);
        told.push(`span ${name} ${String(options.attributes?.["holdfast.lock.name"])}`);
        return { end: (at) => assert.ok(at !== undefined && at >= options.startTime!) };
      },
    },
  });
  const { done } = await work();
  stop();
  const before = told.length;
  await done();
  assert.equal(told.length, before);
  const count = (text: string): number => told.filter((each) => each.startsWith(text)).length;
  const labels = '{"name_template":"order:*","backend":"memory"';
  assert.equal(count(`holdfast.lock.acquire.duration ${labels},"outcome":"acquired"}`), 4);
  assert.equal(count(`holdfast.lock.acquire.duration ${labels},"outcome":"timeout"}`), 1);
  assert.equal(count(`holdfast.lock.lost ${labels},"reason":"revoked"}`), 1);
  assert.equal(count('holdfast.record.updates {"entity":"c"'), 11);
  assert.equal(count("span holdfast.lock.acquire order:42"), 3);
  assert.equal(count("span holdfast.record.update"), 11);
});
