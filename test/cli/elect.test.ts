import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Coordinator } from "holdfast";
import type { FaultyStore } from "../faults/stores.ts";
import { hasEnded, holdfast, SLEEPER, start } from "./program.ts";
import { STORES } from "./stores.ts";

const NODE = process.execPath;

interface Answer {
  readonly election: string;
  readonly id: string;
  readonly leads: boolean;
  readonly leader: { readonly id: string; readonly term: string; readonly value: string | null } | null;
}

/** Asks again and again until the answer is as it should be. */
async function answered(port: number, holds: (answer: Answer) => boolean): Promise<Answer> {
  let last: unknown;
  for (const giveUpAt = Date.now() + 20_000; Date.now() < giveUpAt; await delay(20)) {
    try {
      const answer = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as Answer;
      if (holds(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
  }
  assert.fail(`not within 20 s: ${JSON.stringify(last)}`);
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = await listening();
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

for (const { name: store, options, start: open } of STORES) {
  describe(`holdfast elect on ${store}`, { ...options, concurrency: true }, () => {
    let started: FaultyStore;
    let hf: Coordinator;
    const url = (): { url: string } => ({ url: started.url });
    before(async () => {
      started = await open();
      hf = await connect(started.url);
    });
    after(async () => {
      await hf?.close();
      await started?.stop();
    });

    test("runs the command while it leads; the next takes over when the leader is killed", async (t) => {
      const ports = [await freePort(), await freePort()];
      const elect = (id: string, at: number | undefined): string[] => [
        "elect",
        ...["--ttl", "2s", "--id", id, "--value", `http://${id}`, "--http", String(at)],
        ...["killed", "--", NODE, "-e", SLEEPER],
      ];
      const first = start(t, elect("one", ports[0]), url());
      await first.until(/^\d+\n/);
      const second = start(t, elect("two", ports[1]), url());
      const before = await answered(ports[1] ?? 0, ({ leader }) => leader?.value === "http://one");
      assert.deepEqual([before.election, before.id, before.leads], ["killed", "two", false]);
      assert.equal((await answered(ports[0] ?? 0, () => true)).leads, true);
      first.kill("SIGKILL");
      await second.until(/^\d+\n/);
      const after = await answered(ports[1] ?? 0, ({ leader }) => leader?.value === "http://two");
      assert.equal(after.leads, true);
      assert.ok(BigInt(after.leader?.term ?? 0) > BigInt(before.leader?.term ?? 0));
    });

    test("a hand-over ends the command, and starts it anew when nobody else stands", async (t) => {
      const program = start(t, ["elect", "asked", "--", NODE, "-e", SLEEPER], url());
      const [pid = ""] = await program.until(/^\d+/);
      assert.equal(await hf.election("asked").handOver(), true);
      await hasEnded(Number(pid));
      await program.until(/^\d+\n\d+\n/);
      program.kill("SIGTERM");
      assert.equal((await program.ended).code, 143);
      assert.equal(await hf.election("asked").leader(), null);
    });

    test("ends with the command's status, and says nothing", async () => {
      const script = 'test "$LOCK_NAME" = ended && test "$LOCK_TOKEN" -gt 0 && exit 42';
      const { code, stderr } = await holdfast(["elect", "ended", "--", "sh", "-c", script], url());
      assert.deepEqual([code, stderr], [42, ""]);
      assert.equal((await holdfast(["elect", "ended", "--", "no-such-command"], url())).code, 127);
      assert.equal(await hf.election("ended").leader(), null);
    });

    test("a signal ends a candidate that waits", async (t) => {
      const leader = start(t, ["elect", "waits", "--", NODE, "-e", SLEEPER], url());
      await leader.until(/^\d+\n/);
      const waiting = start(t, ["elect", "--verbose", "waits", "--", "true"], url());
      await waiting.until(/stands for "waits"/, "stderr");
      waiting.kill("SIGTERM");
      assert.equal((await waiting.ended).code, 143);
      assert.equal((await hf.inspect("waits")).waiters.length, 0);
    });

    test("a taken port is told before anybody stands", async () => {
      const server = await listening();
      const http = ["--http", String(portOf(server))];
      const { code, stderr } = await holdfast(["elect", ...http, "port", "--", "true"], url());
      server.close();
      assert.equal(code, 70);
      assert.match(stderr, /^holdfast: --http 127\.0\.0\.1:\d+: .*EADDRINUSE.*\n {2}\S/);
    });
  });
}
