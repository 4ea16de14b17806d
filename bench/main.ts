import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suites } from "./cells/all.ts";
import { help, readCommand, UsageError, type Command } from "./command-line.ts";
import { FOREIGN_CORES_MAX, hold, type Progress } from "./contest.ts";
import { contestant } from "./lockers/contestants.ts";
import { describeMachine } from "./machine.ts";
import { judge } from "./judge.ts";
import { report } from "./report.ts";
import { Results } from "./results.ts";
import { startServers } from "./start-servers.ts";

const EXIT_USAGE = 64;

async function run(command: Command): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  // PostgreSQL runs as a user of its own.
  chmodSync(directory, 0o755);
  const servers = await startServers(command.suite, join(directory, "servers"));
  const started = Date.now();
  try {
    const onProgress = progress(command, started);
    const samples = await hold({ ...command, servers, directory, onProgress });
    const results = new Results(samples);
    const machine = `${describeMachine()}, ${servers.description}`;
    const seconds = Math.round((Date.now() - started) / 1_000);
    const noisy = samples.filter(({ foreignCores }) => foreignCores > FOREIGN_CORES_MAX).length;
    const newLine = process.stderr.isTTY ? "\n" : "";
    const disturbed = `${noisy} of them disturbed by others`;
    console.error(`${newLine}${samples.length} measurements in ${seconds} s, ${disturbed}`);
    console.log(`${report(results, command.cells, command.style)}\n\n${machine}`);
    if (command.json !== undefined) {
      const marks = judge(results, command.cells.map(({ id }) => id));
      writeFileSync(command.json, JSON.stringify({ machine, marks, samples }, null, 1));
    }
    const failed = samples.some(
      (one) => one.error !== undefined && contestant(one.contestant).role === "holdfast",
    );
    if (failed) process.exitCode = 1;
  } finally {
    await servers.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function progress({ rounds }: Command, started: number) {
  let lastRound = 0;
  return ({ round, done, of, cell, contestant: name }: Progress): void => {
    const elapsed = Math.round((Date.now() - started) / 1_000);
    const text = `round ${round} of ${rounds}, ${done + 1}/${of}, ${elapsed} s: ${cell.id} ${name}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    else if (round !== lastRound) process.stderr.write(`${text} …\n`);
    lastRound = round;
  };
}

try {
  const [suite, ...rest] = process.argv.slice(2);
  if (suite === "etcd") {
    const { benchEtcd } = await import("./etcd/main.ts");
    process.exit(await benchEtcd(rest));
  }
  if (suite === "strategies") {
    const { strategies } = await import("./strategies/main.ts");
    await strategies(rest);
    process.exit();
  }
  if (suite === "zookeeper") {
    const { benchZooKeeper } = await import("./zookeeper/main.ts");
    process.exit(await benchZooKeeper(rest));
  }
  const command = readCommand(process.argv.slice(2), suites);
  if (command) await run(command);
  else console.log(help(suites));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nTry: npm run bench -- --help`);
  process.exitCode = EXIT_USAGE;
}
