import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FaultyStore } from "../faults/stores.ts";
import { holdfast, SLEEPER, start } from "./program.ts";
import { STORES } from "./stores.ts";

interface Place {
  readonly leaseId: string;
  readonly token: string | null;
  readonly owner: { readonly pid: number; readonly label: string };
}

interface Lock {
  readonly resource: string;
  readonly holders: readonly Place[];
  readonly waiters: readonly Place[];
  readonly revocations: readonly { readonly reason: string; readonly tokens: readonly string[] }[];
}

for (const { name, options, start: open } of STORES) {
  describe(`looking in and stepping in on ${name}`, options, () => {
    let store: FaultyStore;
    const url = (): { url: string } => ({ url: store.url });
    const backend = (): string => store.url.slice(0, store.url.indexOf(":"));
    before(async () => {
      store = await open();
    });
    after(() => store.stop());

    test("ls and inspect: holders and waiters in order, for people and for machines", async (t) => {
      assert.match((await holdfast(["ls"], url())).stdout, /^No lock is held/);
      assert.match((await holdfast(["inspect", "invoice:1"], url())).stdout, /^invoice:1 is free/);
      assert.equal((await holdfast(["ls", "--json"], url())).stdout, "");

      const sleep = ["--", process.execPath, "-e", SLEEPER];
      const holder = start(t, ["run", "invoice:1", ...sleep], url());
      const other = start(t, ["run", "--permits", "2/5", "发票\u001b", ...sleep], url());
      await Promise.all([holder.until(/^\d+\n/), other.until(/^\d+\n/)]);
      const first = start(t, ["run", "--verbose", "invoice:1", ...sleep], url());
      await first.until(/waiting/, "stderr");
      const second = start(t, ["run", "--verbose", "-s", "invoice:1", ...sleep], url());
      await second.until(/waiting/, "stderr");
      const elsewhere = start(t, ["run", "--namespace", "other", "secret", ...sleep], url());
      await elsewhere.until(/^\d+\n/);

      const list = (await holdfast(["ls"], url())).stdout.trimEnd().split("\n");
      assert.equal(list.length, 3, "and nothing of another namespace");
      assert.match(list[1] ?? "", /^invoice:1 +read-write +1 +2 +node \(.+:\d+\) +\S.* ago +in \S/);
      assert.match(list[2] ?? "", /^发票\\u001b +5 permits +1 +0 +node/);

      const lines = (await holdfast(["ls", "invoice:", "--json"], url())).stdout
        .trimEnd()
        .split("\n");
      const [listed] = lines.map((line) => JSON.parse(line) as Lock);
      assert.equal(lines.length, 1);
      assert.equal(listed?.resource, "invoice:1");
      assert.match(listed?.holders[0]?.token ?? "", /^\d+$/, "a token is a string");

      const lock = JSON.parse(
        (await holdfast(["inspect", "invoice:1", "--json"], url())).stdout,
      ) as Lock;
      assert.deepEqual(
        [...lock.holders, ...lock.waiters].map(({ owner }) => owner.pid),
        [holder.pid, first.pid, second.pid],
      );
      const text = (await holdfast(["inspect", "invoice:1"], url())).stdout;
      assert.match(text, /^invoice:1 \(read-write\): 1 holding, 2 waiting\n\nHOLDER/);
      assert.match(text, new RegExp(`:${holder.pid}\\) +exclusive +${lock.holders[0]?.token} `));
      assert.match(
        text,
        new RegExp(`:${first.pid}\\) +exclusive .*\n.*:${second.pid}\\) +shared `),
      );
      assert.ok(!text.includes("\u001b"), "no colours without a terminal");
    });

    test("force-release: whom it took it from, what is kept, and that there was nobody", async (t) => {
      const sleep = ["--", process.execPath, "-e", SLEEPER];
      const pair = [1, 2].map(() => start(t, ["run", "--permits", "1/2", "pair", ...sleep], url()));
      await Promise.all(pair.map((each) => each.until(/^\d+\n/)));
      const look = async (): Promise<Lock> =>
        JSON.parse((await holdfast(["inspect", "pair", "--json"], url())).stdout) as Lock;
      const holders = (await look()).holders;
      const one = holders.find(({ owner }) => owner.pid === pair[0]?.pid);

      const reason = ["--reason", "stuck job 17", "--yes"];
      const release = await holdfast(
        ["force-release", "pair", "--lease", one?.leaseId ?? "", ...reason],
        url(),
      );
      assert.equal(release.code, 0, release.stderr);
      assert.match(
        release.stdout,
        new RegExp(`^Revoked:\nHOLDER.*\nnode \\(.*:${one?.owner.pid}\\) +1 of 2 `),
      );
      assert.equal((await pair[0]?.ended)?.code, 79);
      const after = await look();
      assert.deepEqual(
        after.holders.map(({ owner }) => owner.pid),
        [pair[1]?.pid],
        "the other one was left alone",
      );
      assert.equal(after.revocations[0]?.reason, "stuck job 17");
      assert.deepEqual(after.revocations[0]?.tokens, [one?.token]);

      const again = await holdfast(
        ["force-release", "pair", "--lease", one?.leaseId ?? "", ...reason],
        url(),
      );
      assert.equal(again.code, 1);
      assert.match(again.stderr, /no lease ".*" held "pair"/);
      const nobody = await holdfast(["force-release", "nothing", ...reason], url());
      assert.equal(nobody.code, 1);
      assert.match(nobody.stderr, /nobody held "nothing"/);
      assert.match(
        (await holdfast(["inspect", "pair"], url())).stdout,
        /Forced releases:\n .* ago by .*: stuck job 17 \(token \d+\)/,
      );
    });

    test("doctor measures, lists the guarantees, and finds no danger in a store that is well", async () => {
      const [text, json] = await Promise.all([
        holdfast(["doctor"], url()),
        holdfast(["doctor", "--json"], url()),
      ]);
      assert.equal(text.code, 0, text.stdout);
      assert.match(
        text.stdout,
        new RegExp(`^${backend()}, .*\n +ok +round trip: fastest of five [\\d.]+ ms\n`),
      );
      assert.match(text.stdout, /What it guarantees\n {2}Leases expire by .*\n/);
      assert.match(text.stdout, /Failover: /);
      assert.doesNotMatch(text.stdout, /danger/);
      const [diagnosis] = JSON.parse(json.stdout) as {
        backend: string;
        latencyMs: number;
        guarantees: object;
      }[];
      assert.equal(diagnosis?.backend, backend());
      assert.ok((diagnosis?.latencyMs ?? Infinity) < 1_000);
    });
  });
}
