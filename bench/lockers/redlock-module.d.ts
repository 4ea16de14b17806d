/** redlock 5.0.0-beta.2 has types, but its `exports` hide them from `nodenext`. What we use of them: */
declare module "redlock" {
  import type { Redis } from "ioredis";

  interface Settings {
    readonly retryCount: number;
    readonly retryDelay: number;
    readonly retryJitter: number;
  }

  class Redlock {
    constructor(clients: readonly Redis[], settings?: Partial<Settings>);
    acquire(resources: string[], durationMs: number): Promise<{ release(): Promise<unknown> }>;
  }

  export default Redlock;
}
