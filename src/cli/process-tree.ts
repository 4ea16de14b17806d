import { readdirSync, readFileSync } from "node:fs";

/** A process, told from a later one of the same number by when it started. */
interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly startedAt: string;
}

/**
 * Signals to a process and all that descend from it, for when it has no process group of its own.
 * Remembers whom it saw: a process whose parent ended is still found the next time. Where there is
 * no /proc it knows the first process only.
 */
export class ProcessTree {
  readonly #members = new Map<number, Process>();

  constructor(private readonly root: number) {}

  signal(signal: NodeJS.Signals): void {
    this.#look();
    if (this.#members.size === 0) sendTo(this.root, signal);
    for (const { pid } of this.#members.values()) sendTo(pid, signal);
  }

  isGone(): boolean {
    this.#look();
    return this.#members.size === 0;
  }

  #look(): void {
    const running = allProcesses();
    for (const { pid, startedAt } of [...this.#members.values()]) {
      if (running.get(pid)?.startedAt !== startedAt) this.#members.delete(pid);
    }
    const root = running.get(this.root);
    if (root?.parent === process.pid) this.#members.set(root.pid, root);
    // Parents first is not a given: look again until nobody is new.
    for (let before = -1; before !== this.#members.size;) {
      before = this.#members.size;
      for (const each of running.values())
        if (this.#members.has(each.parent)) this.#members.set(each.pid, each);
    }
  }
}

function allProcesses(): ReadonlyMap<number, Process> {
  const found = new Map<number, Process>();
  for (const pid of numbersIn("/proc")) {
    const each = read(pid);
    if (each !== undefined) found.set(pid, each);
  }
  return found;
}

function numbersIn(folder: string): readonly number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/**
 * proc(5): the name, in parentheses, may hold anything; then state, parent, …, and start as the
 * 22nd field.
 */
function read(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    return { pid, parent: Number(fields[1]), startedAt: fields[19] ?? "" };
  } catch {
    return undefined; // It ended meanwhile.
  }
}

export function sendTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // It ended meanwhile, or belongs to somebody else by now.
  }
}
