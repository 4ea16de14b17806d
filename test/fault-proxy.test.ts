import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { FaultProxy } from "holdfast/testkit";

let server: Server;
let served: string[];
let proxy: FaultProxy;

beforeEach(async () => {
  served = [];
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      served.push(String(data));
      socket.write(`re:${String(data)}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await FaultProxy.start({ port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  await proxy.close();
  server.close();
});

interface Client {
  readonly socket: Socket;
  readonly heard: string[];
  readonly closed: Promise<void>;
}

async function client(): Promise<Client> {
  const socket = connect(proxy.port, "127.0.0.1");
  const heard: string[] = [];
  socket.on("data", (data) => heard.push(String(data)));
  const closed = new Promise<void>((resolve) => {
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, heard, closed };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries += 1) await wait(5);
  assert.ok(holds());
}

test("passes data both ways, and ends with its client", async () => {
  const { socket, heard } = await client();
  socket.write("a");
  await until(() => heard.join("") === "re:a");
  socket.end();
  await until(() => proxy.connections === 0);
});

test("a cut holds data and new connections back; healed, they arrive late", async () => {
  const first = await client();
  proxy.cut();
  first.socket.write("a");
  const second = await client();
  second.socket.write("b");
  await wait(40);
  assert.deepEqual(served, []);
  proxy.heal();
  await until(() => first.heard.length === 1 && second.heard.length === 1);
});

test("a cut of the replies lets requests take effect", async () => {
  const { socket, heard } = await client();
  proxy.cut("replies");
  socket.write("a");
  await until(() => served.length === 1);
  await wait(20);
  assert.deepEqual(heard, []);
  proxy.heal();
  await until(() => heard.length === 1);
});

test("a black hole swallows; healed, the connection that lost data is reset and others are not", async () => {
  const [loser, idle] = [await client(), await client()];
  proxy.blackhole();
  loser.socket.write("a");
  const late = await client();
  late.socket.write("b");
  await wait(40);
  assert.deepEqual(served, []);
  proxy.heal();
  await Promise.all([loser.closed, late.closed]);
  idle.socket.write("c");
  await until(() => idle.heard.join("") === "re:c");
});

test("a lost reply: the request takes effect once, the connection breaks, the next one is fine", async () => {
  const bystander = await client();
  const { socket, heard, closed } = await client();
  const lost = proxy.dropNextReply((request) => String(request) === "x");
  bystander.socket.write("y");
  socket.write("x");
  await Promise.all([lost, closed]);
  assert.deepEqual(served.sort(), ["x", "y"]);
  assert.deepEqual(heard, []);
  const again = await client();
  again.socket.write("z");
  await until(() => again.heard.length === 1 && bystander.heard.length === 1);
});

test("resets once; refuses until healed; delays", async () => {
  const first = await client();
  proxy.reset();
  await first.closed;
  proxy.refuse();
  const refused = connect(proxy.port, "127.0.0.1");
  await new Promise((resolve) => refused.on("error", resolve).on("close", resolve));
  proxy.heal();
  proxy.delay(30);
  const { socket, heard } = await client();
  const start = performance.now();
  socket.write("a");
  await until(() => heard.length === 1);
  assert.ok(performance.now() - start >= 55, "30 ms each way");
});
