import type { FirstAdminOutcome } from "../domain/first-admin.ts";
import type { Assignment } from "./messages.ts";
import { NodeProcess } from "./node-process.ts";
import type { Options } from "./options.ts";

/** A node that serves. */
export interface Serving {
  readonly number: number;
  readonly address: string;
  readonly pid: number;
}

/** A node could not be started in the first place. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";

  constructor(
    readonly number: number,
    readonly port: number,
    readonly code: string | null,
    message: string,
  ) {
    super(message);
  }
}

const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 10_000;
/** Who served this long and dies is started again without more delay than the first time. */
const PROVEN_MS = 30_000;
/** Nodes drain for 8 s at most, and then close the store. */
const STOP_LIMIT_MS = 15_000;

interface Slot {
  readonly assignment: Assignment;
  process: NodeProcess;
  restarts: number;
}

/** The nodes of this machine: started one after the other, and again when one dies. */
export class Fleet {
  readonly #slots: Slot[] = [];
  readonly #halt = new AbortController();
  #isKilled = false;

  constructor(
    private readonly options: Options,
    private readonly tell: (line: string) => void,
  ) {}

  /**
   * The first node, which looks after the first account, and then the others. After a failure, or a stop
   * meanwhile, none is left.
   * @throws StartFailure
   */
  async start(): Promise<{ readonly nodes: readonly Serving[]; readonly admin: FirstAdminOutcome }> {
    const { nodes, url, locks, host, port, admin } = this.options;
    const serving: Serving[] = [];
    let outcome: FirstAdminOutcome = "others";
    for (let number = 1; number <= nodes && !this.#halt.signal.aborted; number++) {
      const given = port === 0 ? 0 : port + number - 1;
      const assignment = { number, url, locks, host, port: given, admin: number === 1 ? admin : null };
      const process = new NodeProcess(assignment);
      const slot: Slot = { assignment, process, restarts: 0 };
      this.#slots.push(slot);
      const report = await process.report;
      if (report.kind === "failed") {
        if (this.#halt.signal.aborted) break;
        await this.stop();
        throw new StartFailure(number, given, report.code, report.message);
      }
      outcome = report.admin ?? outcome;
      const kept = { ...slot, assignment: { ...assignment, port: report.port, admin: null } };
      this.#slots[number - 1] = kept;
      void this.#watch(kept);
      serving.push({ number, address: this.#address(report.port), pid: process.pid });
    }
    return { nodes: serving, admin: outcome };
  }

  /** All nodes finish what they are at, and end. True if they did so by themselves. */
  async stop(): Promise<boolean> {
    this.#halt.abort();
    const limit = setTimeout(() => this.kill(), STOP_LIMIT_MS);
    for (const { process } of this.#slots) process.stop("SIGTERM");
    await Promise.all(this.#slots.map(({ process }) => process.ended));
    clearTimeout(limit);
    return !this.#isKilled;
  }

  /** All nodes end at once; what is on its way is lost to its callers, and to nobody else. */
  kill(): void {
    this.#isKilled = true;
    this.#halt.abort();
    for (const { process } of this.#slots) process.stop("SIGKILL");
  }

  async #watch(slot: Slot): Promise<void> {
    const { number, port } = slot.assignment;
    for (;;) {
      const since = performance.now();
      const { process } = slot;
      const report = await process.report;
      if (report.kind === "serving" && slot.restarts > 0) {
        this.tell(`node ${number} is back at ${this.#address(port)} (pid ${process.pid})`);
      }
      const ending = await process.ended;
      if (this.#halt.signal.aborted) return;
      if (performance.now() - since > PROVEN_MS) slot.restarts = 0;
      const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** slot.restarts);
      slot.restarts += 1;
      const why = report.kind === "failed" ? `: ${report.message}` : "";
      this.tell(
        `node ${number} (pid ${process.pid}) ${ending}${why}. The others go on; ` +
          `it is started again in ${pauseMs / 1000} s`,
      );
      await pause(pauseMs, this.#halt.signal);
      if (this.#halt.signal.aborted) return;
      slot.process = new NodeProcess(slot.assignment);
    }
  }

  #address(port: number): string {
    const { host } = this.options;
    const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
    return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
