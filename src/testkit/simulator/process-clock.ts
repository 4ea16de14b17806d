import type { Cancel, Clock } from "../../clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/**
 * The clock of one simulated process. A paused process (SIGSTOP, a long collection of garbage, a closed lid)
 * does nothing while time goes on; when it wakes up, all that came due happens at once, in order.
 */
export class ProcessClock implements Clock {
  #state: "awake" | "paused" | "crashed" = "awake";
  #held: (() => void)[] = [];
  readonly #keepingAlive = new Set<object>();

  constructor(
    readonly world: VirtualClock,
    /** How far its wall clock is from the truth. Nothing may depend on it. */
    private readonly wallSkewMs: number,
  ) {}

  get isAwake(): boolean {
    return this.#state === "awake";
  }

  get hasCrashed(): boolean {
    return this.#state === "crashed";
  }

  /** Timers that would keep the process from ending. */
  get keepingAlive(): number {
    return this.#keepingAlive.size;
  }

  now(): number {
    return this.world.now();
  }

  wall(): number {
    return this.world.wall() + this.wallSkewMs;
  }

  random(): number {
    return this.world.random();
  }

  id(): string {
    return this.world.id();
  }

  timer(ms: number, fire: () => void, { keepAlive }: { readonly keepAlive: boolean }): Cancel {
    const timer = {};
    if (keepAlive) this.#keepingAlive.add(timer);
    let isOver = false;
    const cancel = this.world.timer(ms, () => {
      this.whenAwake(() => {
        this.#keepingAlive.delete(timer);
        if (!isOver) fire();
      });
    });
    return () => {
      isOver = true;
      this.#keepingAlive.delete(timer);
      cancel();
    };
  }

  yield(fire: () => void): void {
    this.world.yield(() => this.whenAwake(fire));
  }

  /** What reaches the process from outside: now, or when it wakes up, or never. */
  whenAwake(happen: () => void): void {
    if (this.#state === "awake") happen();
    else if (this.#state === "paused") this.#held.push(happen);
  }

  pause(): void {
    if (this.#state === "awake") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "awake";
    const held = this.#held;
    this.#held = [];
    for (const happen of held) this.world.timer(0, () => this.whenAwake(happen));
  }

  crash(): void {
    this.#state = "crashed";
    this.#held = [];
  }
}
