import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Debian's `libcurator-recipes-java` and what it needs. */
const CURATOR = ["curator-client", "curator-framework", "curator-recipes", "guava"];
const OTHERS = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"];
const CLASS_PATH = [...CURATOR, ...OTHERS].map((jar) => `/usr/share/java/${jar}.jar`);
const SOURCE = fileURLToPath(new URL("../../../bench/curator/CuratorHarness.java", import.meta.url));

/** The compiled harness, for as many processes as are wanted. */
export class CuratorHarness {
  private constructor(private readonly folder: string) {}

  static async compile(): Promise<CuratorHarness> {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-curator-"));
    await promisify(execFile)("javac", ["-cp", CLASS_PATH.join(":"), "-d", folder, SOURCE]);
    return new CuratorHarness(folder);
  }

  /** A process of its own, connected to `servers` (`host:port,…`). */
  async start(servers: string): Promise<CuratorProcess> {
    const path = [this.folder, ...CLASS_PATH].join(":");
    const options = ["-Xmx256m", "-XX:+UseSerialGC", "-cp", path, "CuratorHarness", servers];
    const process = new CuratorProcess(spawn("java", options, { stdio: "pipe" }));
    await process.ready;
    return process;
  }

  discard(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** Answers come in the order of the words. */
export class CuratorProcess {
  readonly ready: Promise<string>;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const waiting = this.#waiting.shift();
      if (line.startsWith("error ")) waiting?.reject(new Error(line));
      else waiting?.resolve(line);
    });
    child.once("exit", () => {
      for (const { reject } of this.#waiting) reject(new Error(`the Java process ended: ${complaints}`));
    });
    this.ready = this.#answer();
  }

  say(...words: readonly (string | number)[]): Promise<string> {
    this.child.stdin.write(`${words.join(" ")}\n`);
    return this.#answer();
  }

  /** As a crash. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
  }

  #answer(): Promise<string> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}
