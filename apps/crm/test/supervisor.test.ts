import assert from "node:assert/strict";
import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "holdfast";
import { asAdmin, Client, textOf } from "./client.ts";
import { isAlive, launch, MAIN, startPlatform } from "./platform.ts";
import { accepts, freePort } from "./stores.ts";

describe("the supervisor", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "crm-test-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  const portOf = (address: string): number => Number(new URL(address).port);

  const pasted = (line: string): SpawnSyncReturns<string> =>
    spawnSync("sh", ["-c", line], { cwd: folder, encoding: "utf8" });

  const allEnd = async (pids: readonly number[]): Promise<void> => {
    for (let tries = 0; pids.some(isAlive); tries++) {
      assert.ok(tries < 200, `still there: ${pids.filter(isAlive).join()}`);
      await delay(50);
    }
  };

  it("starts three nodes on a file, makes up an admin once, and prints lines that work", async () => {
    const data = join(folder, "default");
    const first = launch(["--port", "0", "--data", "default"], folder);
    await first.prints(/Ctrl-C stops/, 30_000);
    assert.equal(first.addresses.length, 3);
    const lines = [...first.output().matchAll(/^ {2}(curl .*)$/gm)].map(([, line = ""]) => line);
    assert.equal(lines.length, 3);
    for (const line of lines) {
      const { status, stdout, stderr } = pasted(`${line} -f`);
      assert.equal(status, 0, `${line}\n${stderr}`);
      assert.match(stdout, /^\{.*\}$/);
    }
    assert.match(pasted(lines[2]!).stdout, /Ada Lovelace/);
    assert.equal(readFileSync(join(data, ".gitignore"), "utf8"), "*\n");
    assert.ok(readdirSync(data).includes("crm.db"));
    assert.equal(await first.stop(), 0);
    const second = launch(["--port", "0", "--data", "default"], folder);
    await second.prints(/There are accounts already/, 30_000);
    assert.equal(await second.stop(), 0);
  });

  it("Ctrl-C lets requests on their way finish, and then stops all nodes", async () => {
    const url = `sqlite:${join(folder, "stop.db")}`;
    const platform = await startPlatform({ url, folder });
    const [first = "", second = ""] = platform.addresses;
    const client = await asAdmin(first);
    const customer = await client.post(`${first}/api/customers`, { name: "Ada" });
    const order = { customerId: customer.body["id"], lines: [{ sku: "x", quantity: 1, unitPrice: 1 }] };
    const placed = await client.post(`${first}/api/orders`, order, { "idempotency-key": randomUUID() });
    const id = textOf(placed.body["id"]);
    const hf = await connect(url, { namespace: "crm", label: "test" });
    try {
      const lease = await hf.mutex(`order:${id}`).lock();
      const processing = client.post(`${second}/api/orders/${id}/process`);
      while ((await hf.inspect(`order:${id}`)).waiters.length === 0) await delay(20);
      const pids = platform.nodePids();
      platform.signal("SIGINT");
      platform.signal("SIGINT"); // as npm passes on what the terminal has sent already
      await platform.prints(/stopping/);
      while (await accepts(portOf(second))) await delay(20);
      await lease.release();
      const answer = await processing;
      assert.equal(answer.status, 200);
      assert.equal(answer.body["status"], "processed");
      assert.equal(answer.headers.connection, "close");
      assert.equal(await platform.ended, 0);
      assert.match(platform.output(), /all nodes have stopped/);
      await allEnd(pids);
      const left: string[] = [];
      for await (const { resource } of hf.list()) left.push(resource);
      assert.deepEqual(left, [], "no lock is left behind");
    } finally {
      await hf.close();
    }
  });

  it("says when a node dies, goes on without it, and starts it again at its address", async () => {
    const url = `sqlite:${join(folder, "kill.db")}`;
    const platform = await startPlatform({ url, folder });
    const client = await asAdmin(platform.addresses[0]!);
    for (const [index, pid] of platform.nodePids().entries()) {
      const address = platform.addresses[index]!;
      process.kill(pid, "SIGKILL");
      await platform.prints(new RegExp(`node ${index + 1} \\(pid ${pid}\\) was ended by SIGKILL`));
      const others = platform.addresses.filter((each) => each !== address);
      for (const other of others) assert.equal((await client.get(`${other}/api/me`)).status, 200);
      await platform.prints(new RegExp(`node ${index + 1} is back at ${address} `));
      assert.equal((await client.get(`${address}/api/me`)).status, 200);
      assert.notEqual(platform.nodePids()[index], pid);
    }
    const pids = platform.nodePids();
    platform.signal("SIGTERM");
    assert.equal(await platform.ended, 0);
    await allEnd(pids);
  });

  it("takes its nodes along when it is killed itself", async () => {
    const url = `sqlite:${join(folder, "orphans.db")}`;
    const platform = await startPlatform({ url, folder });
    const pids = platform.nodePids();
    assert.equal(pids.filter(isAlive).length, 3);
    platform.signal("SIGKILL");
    await platform.ended;
    await allEnd(pids);
  });

  it("tells whoever balances load that a node turns, and that it can serve", async () => {
    const url = `sqlite:${join(folder, "drain.db")}`;
    const platform = await startPlatform({ url, folder, nodes: 1 });
    const [address = ""] = platform.addresses;
    const nobody = new Client();
    assert.equal((await nobody.get(`${address}/readyz`)).body["status"], "ready");
    assert.equal((await nobody.get(`${address}/healthz`)).body["pid"], platform.nodePids()[0]);
    assert.equal(await platform.stop(), 0);
  });

  it("stops when npm was told to, though its shell does not pass that on", async () => {
    const args = ["--nodes", "2", "--port", "0", "--data", join(folder, "npm")];
    const command = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(" ");
    // With something to do afterwards the shell stays in between, as it does for npm's scripts with "&&".
    const shell = spawn("sh", ["-c", `${command}; true`], {
      env: { ...process.env, npm_lifecycle_event: "start" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    shell.stdout.on("data", (chunk: Buffer) => void (output += chunk.toString()));
    const closed = new Promise((resolve) => shell.stdout.once("close", resolve));
    while (!output.includes("Ctrl-C stops")) await delay(20);
    const pids = [...output.matchAll(/\(pid (\d+)\)$/gm)].map(([, pid]) => Number(pid));
    assert.equal(pids.filter(isAlive).length, 2);
    shell.kill("SIGTERM");
    await closed;
    assert.match(output, /all nodes have stopped/);
    await allEnd(pids);
  });

  it("says which port is taken and what to do, and leaves nothing running", async () => {
    const port = await freePort();
    const taker = createServer();
    await new Promise<void>((resolve) => taker.listen(port + 1, "127.0.0.1", resolve));
    try {
      const platform = launch(["--port", String(port), "--data", folder], folder);
      assert.equal(await platform.ended, 1);
      assert.match(
        platform.output(),
        new RegExp(`port ${port + 1}, for node 2, is taken.*--port ${port + 100}`),
      );
      assert.equal(await accepts(port), false);
    } finally {
      taker.close();
    }
  });

  it("refuses what makes no sense with a sentence that says what to write", async () => {
    const refusals: readonly (readonly [readonly string[], RegExp, number])[] = [
      [["--nodes", "none"], /--nodes takes a whole number from 1 to 32, not "none"/, 64],
      [["--port", "70000"], /--port takes/, 64],
      [["--prot", "1"], /--prot/, 64],
      [["--admin", "ann"], /--admin takes an e-mail address, a colon and a password/, 64],
      [["--url", "memory:", "--nodes", "2"], /Use --nodes 1/, 64],
      [["--url", "nosuch://x", "--data", folder], /no backend for "nosuch:/, 1],
      [["--url", "redis://:secret@127.0.0.1:1", "--data", folder], /could not start/, 1],
      [["--help"], /--admin EMAIL:PASSWORD/, 0],
    ];
    for (const [args, message, code] of refusals) {
      const platform = launch(args, folder);
      assert.equal(await platform.ended, code, platform.output());
      assert.match(platform.output(), message);
      assert.doesNotMatch(platform.output(), /secret|\n\s+at /, "no password, no stack");
    }
  });
});
