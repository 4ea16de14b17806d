import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { ZooKeeperClient } from "#src/backends/zookeeper/client/client.js";
import { ConnectionLost } from "#src/backends/zookeeper/client/errors.js";
import { Frames } from "#src/backends/zookeeper/client/frames.js";
import { JuteReader, JuteWriter, MalformedFrame } from "#src/backends/zookeeper/client/jute.js";
import { Liveness } from "#src/backends/zookeeper/client/liveness.js";
import {
  MODE,
  NO_PASSWORD,
  NO_SESSION,
  OP,
  OPEN_ACL,
  XID,
  connectReply,
  connectRequest,
  readEvent,
  readStat,
  readSteps,
  request,
  writeCreate,
  writeSteps,
} from "#src/backends/zookeeper/client/protocol.js";
import { Watches } from "#src/backends/zookeeper/client/watches.js";
import { systemClock } from "#src/clock.js";

const hex = (bytes: Buffer): string => bytes.toString("hex");
const bytes = (...parts: readonly string[]): Buffer => Buffer.from(parts.join("").replaceAll(" ", ""), "hex");

/** As a ZooKeeper 3.8 sent it for a node that transaction 7 changed. */
const STAT = bytes(
  "0000000000000006 0000000000000007", // czxid, mzxid
  "000001a20de1f6f0 000001a20de1f6f1", // ctime, mtime
  "00000001 00000008 00000000", // versions: of data, of children (5 × 2 − 2), of rights
  "0100004067cc0000 00000002 00000002", // owner, length of data, children
  "0000000000000009", // pzxid
);

describe("frames on the wire", () => {
  test("a handshake", () => {
    const hello = { lastZxid: 0x1_0000_0002, timeoutMs: 4_000, sessionId: NO_SESSION, password: NO_PASSWORD };
    assert.equal(
      hex(connectRequest(hello)),
      "0000002d 00000000 0000000100000002 00000fa0 0000000000000000".replaceAll(" ", "") +
        `00000010${"00".repeat(16)}00`,
    );
    const password = "ab".repeat(16);
    const reply = connectReply(bytes("00000000 00000fa0 010000406cc60000 00000010", password, "00"));
    assert.equal(reply.timeoutMs, 4_000);
    assert.equal(hex(reply.sessionId), "010000406cc60000");
    assert.equal(hex(reply.password), password);
  });

  test("a ping, and a create of an ephemeral sequential node", () => {
    assert.equal(hex(request(XID.ping, OP.ping)), "00000008fffffffe0000000b");
    const create = request(3, OP.create2, (writer) =>
      writeCreate(writer, "/a/é-", Buffer.from("hi"), OPEN_ACL, MODE.ephemeralSequential),
    );
    assert.equal(
      hex(create),
      [
        "00000037 00000003 0000000f 00000006 2f612fc3a92d 00000002 6869",
        "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000003",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  test("a multi of a check and a delete", () => {
    const multi = request(9, OP.multi, (writer) =>
      writeSteps(writer, [{ op: "check", path: "/a" }, { op: "delete", path: "/b", version: 2 }], OPEN_ACL),
    );
    assert.equal(
      hex(multi),
      [
        "00000037 00000009 0000000e",
        "0000000d 00 ffffffff 00000002 2f61 ffffffff",
        "00000002 00 ffffffff 00000002 2f62 00000002",
        "ffffffff 01 ffffffff",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  test("a stat, an event, and the results of a multi", () => {
    const stat = readStat(new JuteReader(STAT));
    assert.deepEqual(stat, { czxid: 6, mzxid: 7, ctime: 0x1a20de1f6f0, version: 1 });
    const deleted = bytes("00000002 00000003 00000002 2f61");
    assert.deepEqual(readEvent(new JuteReader(deleted)), { kind: "deleted", path: "/a" });
    assert.equal(readEvent(new JuteReader(bytes("ffffffff 00000000 00000000"))), null);
    const end = "ffffffff 01 ffffffff";
    const refused = bytes("ffffffff 00 ffffff9b ffffff9b", "ffffffff 00 fffffffe fffffffe", end);
    assert.deepEqual(readSteps(new JuteReader(refused), 8), { zxid: 8, errors: [-101, -2] });
    const done = bytes("00000005 00 00000000", hex(STAT), "00000002 00 00000000", end);
    assert.deepEqual(readSteps(new JuteReader(done), 9), { zxid: 9, errors: [0, 0] });
  });

  test("numbers keep their value up to 2^53, and are refused beyond", () => {
    for (const value of [0, 1, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 7 * 2 ** 32 + 5, 2 ** 53 - 1]) {
      const frame = new JuteWriter().long(value).frame();
      assert.equal(new JuteReader(frame.subarray(4)).long(), value);
    }
    assert.throws(() => new JuteReader(bytes("7fffffffffffffff")).long(), MalformedFrame);
  });
});

describe("a decoder that is given anything", () => {
  /** A generator of numbers that repeats: failures can be played again. */
  function dice(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
  }

  const READERS: Readonly<Record<string, (frame: Buffer) => unknown>> = {
    connectReply,
    stat: (frame) => readStat(new JuteReader(frame)),
    event: (frame) => readEvent(new JuteReader(frame)),
    steps: (frame) => readSteps(new JuteReader(frame), 1),
    children: (frame) => {
      const reader = new JuteReader(frame);
      return [reader.vector(4, () => reader.text()), readStat(reader)];
    },
  };

  test("throws MalformedFrame or gives a value: truncated, overwritten or random, 20,000 times", () => {
    const throwDie = dice(20_261_124);
    const whole = bytes("00000002 00000001 61 00000001 62", hex(STAT));
    for (let round = 0; round < 4_000; round++) {
      const kind = round % 3;
      let frame = Buffer.from(whole);
      if (kind === 0) frame = frame.subarray(0, Math.floor(throwDie() * frame.length));
      else if (kind === 1) frame[Math.floor(throwDie() * frame.length)] = Math.floor(throwDie() * 256);
      else frame = Buffer.from(Array.from({ length: Math.floor(throwDie() * 200) }, () => throwDie() * 256));
      for (const [name, read] of Object.entries(READERS)) {
        try {
          read(frame);
        } catch (error) {
          assert.ok(error instanceof MalformedFrame, `${name} of ${hex(frame)}: ${String(error)}`);
        }
      }
    }
  });

  test("frames come whole, however the stream is cut, and impossible lengths are refused", () => {
    const sync = request(2, OP.sync, (writer) => writer.text("/"));
    const stream = Buffer.concat([request(1, OP.ping), sync, request(3, 1)]);
    const throwDie = dice(7);
    for (let round = 0; round < 200; round++) {
      const frames = new Frames();
      const taken: string[] = [];
      for (let at = 0; at < stream.length; ) {
        const length = 1 + Math.floor(throwDie() * 9);
        frames.push(stream.subarray(at, at + length), (frame) => taken.push(hex(frame)));
        at += length;
      }
      assert.deepEqual(taken, ["000000010000000b", "0000000200000009000000012f", "0000000300000001"]);
    }
    for (const length of ["ffffffff", "7fffffff"]) {
      assert.throws(() => new Frames().push(bytes(length), () => assert.fail()), MalformedFrame);
    }
    assert.throws(() => new JuteReader(bytes("7fffffff")).vector(4, () => 0), MalformedFrame);
  });
});

describe("a client before a server that misbehaves", () => {
  const WELCOME = (timeoutMs: number): Buffer =>
    new JuteWriter().int(0).int(timeoutMs).raw(Buffer.alloc(8, 1)).buffer(NO_PASSWORD).bool(false).frame();

  async function against(
    serve: (socket: Socket, connection: number) => void,
    work: (client: ZooKeeperClient, states: string[]) => Promise<void>,
  ): Promise<void> {
    let connections = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      serve(socket, (connections += 1));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const states: string[] = [];
    const client = new ZooKeeperClient({
      servers: [{ host: "127.0.0.1", port: (server.address() as AddressInfo).port }],
      timeoutMs: 600,
      clock: systemClock,
      chroot: "",
      onState: (state) => states.push(state),
    });
    try {
      await work(client, states);
    } finally {
      client.session.close(true);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  test("one that falls silent is given up after two thirds of the session's time", async () => {
    await against(
      (socket) => socket.once("data", () => socket.write(WELCOME(600))),
      async (client, states) => {
        await client.session.open(5_000);
        const sentAt = performance.now();
        await assert.rejects(client.sync("/"), (error) => error instanceof ConnectionLost && error.sent);
        const silentMs = performance.now() - sentAt;
        assert.ok(silentMs >= 350, `after ${silentMs} ms`);
        assert.ok(states.includes("uncertain"));
      },
    );
  });

  test("one that answers garbage is left, and what it owes an answer is unknown", async () => {
    await against(
      (socket) => {
        socket.once("data", () => {
          socket.write(WELCOME(60_000));
          socket.on("data", () => socket.write(bytes("00000010", "0000002a".repeat(4))));
        });
      },
      async (client) => {
        await client.session.open(5_000);
        await assert.rejects(client.sync("/"), (error) => error instanceof ConnectionLost && error.sent);
      },
    );
  });

  test("another session than the one asked for is an expired one, and so is a timeout of 0", async () => {
    await against(
      (socket, connection) => {
        socket.once("data", () => {
          if (connection === 2) {
            const other = new JuteWriter().int(0).int(60_000).raw(Buffer.alloc(8, 9)).buffer(NO_PASSWORD);
            socket.write(other.bool(false).frame());
          } else {
            socket.write(WELCOME(connection === 4 ? 0 : 60_000));
          }
          if (connection === 1 || connection === 3) setTimeout(() => socket.destroy(), 20);
        });
      },
      async (client, states) => {
        await client.session.open(5_000);
        const giveUpAt = performance.now() + 5_000;
        while (states.filter((state) => state === "connected").length < 3) {
          assert.ok(performance.now() < giveUpAt, states.join(" "));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        assert.deepEqual(states, [
          ...["connected", "uncertain", "expired", "connected"],
          ...["uncertain", "expired", "connected"],
        ]);
      },
    );
  });
});

describe("a session's proven life", () => {
  test("an answer that no quorum stands behind proves nothing", () => {
    const liveness = new Liveness(1_000);
    liveness.began(0);
    for (let at = 100; at <= 900; at += 100) liveness.heard(at);
    assert.equal(liveness.until, 1_000);
  });

  test("a write proves what was heard a quarter of the timeout before it, and no more", () => {
    const liveness = new Liveness(1_000);
    liveness.began(0);
    liveness.heard(400);
    liveness.proven(500);
    assert.equal(liveness.until, 1_000, "the leader may not know of 400 yet");
    liveness.proven(650);
    assert.equal(liveness.until, 1_400);
    liveness.proven(900);
    assert.equal(liveness.until, 1_650);
  });
});

test("a watch hears one event, of its own kind", () => {
  const watches = new Watches();
  const heard: string[] = [];
  watches.add("data", "/a", ({ kind }) => heard.push(`data ${kind}`));
  watches.add("child", "/a", ({ kind }) => heard.push(`child ${kind}`));
  watches.fire({ kind: "children", path: "/a" });
  watches.fire({ kind: "children", path: "/a" });
  watches.fire({ kind: "deleted", path: "/b" });
  watches.fire({ kind: "deleted", path: "/a" });
  assert.deepEqual(heard, ["child children", "data deleted"]);
  assert.equal(watches.size, 0);
});
