import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Backend, Session } from "../backend.ts";
import { systemClock } from "../clock.ts";
import { LONG_MS } from "./durations.ts";
import type { Environment } from "./environment.ts";
import { inLanes } from "./lanes.ts";
import { Participant } from "./participant.ts";

/** Where a case plays: an environment, a namespace of its own, and the processes in it. */
export class Stage {
  readonly namespace = `kit-${systemClock.id()}`;
  readonly #participants: Participant[] = [];

  constructor(readonly environment: Environment) {}

  /** One more process. Its claims and its patience are long unless given. */
  async join(options: Partial<Omit<Session, "listener" | "processId">> = {}): Promise<Participant> {
    // A store of locks alone is not asked for records: see `ConformanceOptions.keeps`.
    const backend = (await this.environment.backend()) as Backend;
    const participant = new Participant(inLanes(backend), {
      namespace: this.namespace,
      processId: systemClock.id(),
      owner: { host: "kit", pid: this.#participants.length + 1 },
      claimMs: LONG_MS,
      patienceMs: LONG_MS,
      ...options,
    });
    this.#participants.push(participant);
    await participant.open();
    return participant;
  }

  async joinMany(count: number): Promise<Participant[]> {
    const participants: Participant[] = [];
    while (participants.length < count) participants.push(await this.join());
    return participants;
  }

  /** Lets time pass on the store's clock. */
  async pass(ms: number): Promise<void> {
    if (this.environment.advance === undefined) await wait(ms);
    else await this.environment.advance(ms);
  }

  /** Asks again and again, while the store's time passes, until the answer is not undefined. */
  async until<T>(what: string, maxMs: number, ask: () => Promise<T | undefined>): Promise<T> {
    const stepMs = 10;
    for (let waited = 0; waited <= maxMs; waited += stepMs) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      await this.pass(stepMs);
    }
    assert.fail(`${what}: not within ${maxMs} ms`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#participants.map(({ backend }) => backend.close()));
  }
}
