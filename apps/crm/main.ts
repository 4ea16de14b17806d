import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, StartFailure } from "./supervisor/fleet.ts";
import { greeting } from "./supervisor/greeting.ts";
import { HELP, parseOptions, UsageError, type Options } from "./supervisor/options.ts";

/*
 * The supervisor: starts the nodes, starts them again when they die, and stops them. It keeps no state
 * and is no part of any request; if it dies, its nodes end too.
 */

const USAGE = 64;
/** The same Ctrl-C may arrive twice: from the terminal, and from npm, which passes it on. */
const SAME_SIGNAL_MS = 1_000;
const PARENT_LOOK_MS = 500;

async function main(): Promise<void> {
  const options = optionsOrExit();
  if (options === null) return;
  const fleet = new Fleet(options, (line) => console.log(line));
  stopOnSignal(fleet);
  try {
    makeDataFolder(options.data);
    const { nodes, admin } = await fleet.start();
    if (nodes.length === options.nodes) console.log(greeting(options, nodes, admin));
  } catch (error) {
    console.error(error instanceof StartFailure ? remedy(error, options) : error);
    process.exit(1);
  }
}

function optionsOrExit(): Options | null {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === null) console.log(HELP);
    return options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n--help shows all options`);
    process.exit(USAGE);
  }
}

function stopOnSignal(fleet: Fleet): void {
  let stoppingSince = Infinity;
  const stop = (): void => {
    const now = performance.now();
    if (stoppingSince !== Infinity) {
      if (now - stoppingSince > SAME_SIGNAL_MS) fleet.kill();
      return;
    }
    stoppingSince = now;
    clearInterval(parentWatch);
    console.log("stopping: the nodes finish what they are at (again to stop at once)");
    void fleet.stop().then((isClean) => {
      console.log(isClean ? "all nodes have stopped" : "some nodes had to be killed");
      process.exit(isClean ? 0 : 1);
    });
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", stop);
  // npm ends its shell, and the shell does not tell us: an orphan of npm has been told to stop.
  const parent = process.ppid;
  const isUnderNpm = process.env["npm_lifecycle_event"] !== undefined;
  const parentWatch = setInterval(() => {
    if (isUnderNpm && process.ppid !== parent) stop();
  }, PARENT_LOOK_MS);
}

/** The folder hides itself from Git, wherever it stands; one that was there before is left as it is. */
function makeDataFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) writeFileSync(join(folder, ".gitignore"), "*\n");
}

function remedy({ number, port, code, message }: StartFailure, options: Options): string {
  if (code === "EADDRINUSE") {
    return (
      `port ${port}, for node ${number}, is taken by another program (a CRM that runs already?). ` +
      `Stop that, or choose other ports: --port ${options.port + 100} (node i listens on --port + i - 1)`
    );
  }
  if (code === "EACCES") return `no right to listen on port ${port}: choose one above 1023 with --port`;
  if (code === "EADDRNOTAVAIL") return `${options.host} is no address of this machine: mend --host`;
  return `node ${number} could not start: ${message}\nCheck --url and --locks, and that the store runs there`;
}

await main();
