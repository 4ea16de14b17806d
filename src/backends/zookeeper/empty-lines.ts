/** So many lines are remembered; the least recently left are forgotten. */
const LINES_MAX = 4_096;

/** The last write of this session that was answered: its transaction, and how many there were until then. */
export interface Moment {
  readonly zxid: number;
  readonly writes: number;
}

/** A line in which nobody stood when this process left it. */
export interface EmptyLine extends Moment {
  /** The number that the next node in it gets. */
  readonly next: number;
}

/**
 * Lines that this process left without anybody in them. Who comes back and gets the very next number knows,
 * without looking, that it is alone: nobody has come in between. That halves what an uncontended lock asks of
 * the servers.
 *
 * The same number could come again only in a node that was removed and made anew meanwhile. That takes two
 * transactions, and one for each earlier number, all of them by others. Transactions are counted: fewer than
 * that, and it cannot have happened.
 */
export class EmptyLines {
  readonly #byPath = new Map<string, EmptyLine>();

  left(path: string, line: EmptyLine): void {
    this.#byPath.delete(path);
    this.#byPath.set(path, line);
    if (this.#byPath.size <= LINES_MAX) return;
    const [oldest] = this.#byPath.keys();
    this.#byPath.delete(oldest!);
  }

  /** What is known of the line, for one attempt. */
  take(path: string): EmptyLine | undefined {
    const line = this.#byPath.get(path);
    this.#byPath.delete(path);
    return line;
  }
}

/** Whether the line is the one that was left, and would be if others had done so many times as much. */
export function isSameLine(line: EmptyLine, now: Moment, times = 1): boolean {
  const byOthers = now.zxid - line.zxid - (now.writes - line.writes);
  return byOthers * times < line.next + 2;
}
