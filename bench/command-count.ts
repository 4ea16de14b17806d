import { connect, type Socket } from "node:net";
import { HOST } from "./lockers/locker.ts";
import { within } from "./stopwatch.ts";

export interface CommandCount {
  /** Commands that clients sent. */
  readonly sent: number;
  /** Commands that scripts ran inside the server. */
  readonly inside: number;
}

/**
 * Counts what the server executes, by MONITOR: that is the only place where Redis tells a command that came
 * over the wire from one that a script ran. It costs the server time, so nothing is timed meanwhile.
 */
export async function countCommands(port: number): Promise<() => Promise<CommandCount>> {
  const monitor = await open(port);
  let sent = 0;
  let inside = 0;
  let rest = "";
  let onMark: (() => void) | undefined;
  monitor.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // +1339518083.107412 [0 127.0.0.1:60866] "get" "key"     or     … [0 lua] "get" "key"
      if (line.endsWith(MARK_SUFFIX)) onMark?.();
      else if (/^\+[\d.]+ \[\d+ lua\] /.test(line)) inside++;
      else if (/^\+[\d.]+ \[/.test(line)) sent++;
    }
  });
  monitor.write("MONITOR\r\n");
  const marker = await open(port);
  const mark = (): Promise<void> =>
    within(5_000, "MONITOR", new Promise((resolve) => {
      onMark = resolve;
      marker.write(`PING ${MARK}\r\n`);
    }));
  await mark();
  sent = 0;
  inside = 0;
  return async () => {
    await mark();
    monitor.destroy();
    marker.destroy();
    return { sent, inside };
  };
}

const MARK = "holdfast-bench-mark";
const MARK_SUFFIX = `"PING" "${MARK}"`;

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => resolve(socket));
    socket.setEncoding("latin1");
    socket.once("error", reject);
  });
}
