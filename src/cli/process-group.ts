import { sendTo } from "./process-tree.ts";

/** Signals to a process and all that stay in the process group that it leads. */
export class ProcessGroup {
  constructor(private readonly leader: number) {}

  signal(signal: NodeJS.Signals): void {
    sendTo(-this.leader, signal);
  }

  isGone(): boolean {
    return !sendTo(-this.leader, 0);
  }
}
