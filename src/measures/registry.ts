import { checkInteger } from "../locks/options.ts";
import { on, type EventName, type Events } from "../events.ts";
import { LockSeries, RecordSeries } from "./series.ts";
import { ByTemplate, defaultTemplate, type Template } from "./templates.ts";

export interface MeasureOptions {
  /** What a resource is counted under. Default: `order:*` for `order:42`; see the guide. */
  readonly template?: Template;
  /** Most templates and collections for each store, 1 … 10,000; default 100. What is beyond is `(others)`. */
  readonly templates?: number;
}

/**
 * Counts what the events of this process tell, from its making until `stop`. There is one histogram for each
 * measure and template, so that memory is bounded by their number, and no key is ever kept.
 */
export class Registry {
  readonly locks = new Map<string, ByTemplate<LockSeries>>();
  readonly records = new Map<string, ByTemplate<RecordSeries>>();
  readonly #template: Template;
  readonly #most: number;
  readonly #stops: (() => void)[] = [];

  constructor({ template = defaultTemplate, templates = 100 }: MeasureOptions = {}) {
    if (typeof template !== "function") {
      throw new TypeError('template must be a function, such as (name) => name.replace(/:.*/, ":*")');
    }
    this.#template = template;
    this.#most = checkInteger(templates, "templates", 1, 10_000);
    this.#hearLocks();
    this.#hearRecords();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #hearLocks(): void {
    this.#hear("lock.granted", (event) => {
      const series = this.#lock(event);
      series.wait.record(event.waitMs);
      series.held += 1;
      if (event.local) series.localHandovers += 1;
      else if (event.queued) series.remoteHandovers += 1;
    });
    this.#hear("lock.released", (event) => this.#ended(event).hold.record(event.holdMs));
    this.#hear("lock.lost", (event) => {
      const series = this.#ended(event);
      series.hold.record(event.holdMs);
      series.lost[event.reason] += 1;
    });
    this.#hear("lock.refused", (event) => {
      const series = this.#lock(event);
      series.refused[event.outcome] += 1;
      if (event.outcome !== "busy") series.inVain.record(event.waitMs);
    });
    this.#hear("lock.waiting", (event) => (this.#lock(event).contentions += 1));
    this.#hear("lease.renewed", (event) => (this.#lock(event).renewals += 1));
    this.#hear("lock.revoked", (event) => (this.#lock(event).revoked += event.tokens.length));
  }

  #hearRecords(): void {
    this.#hear("record.updated", (event) => {
      const series = this.#record(event);
      series.updates += 1;
      series.attempts += event.attempts;
      series.commits += 1 / event.combined;
      series.wait.record(event.waitMs);
      if (event.holdMs > 0) series.hold.record(event.holdMs);
    });
    this.#hear("write.conflict", (event) => (this.#record(event).conflicts += 1));
    this.#hear("write.stale", (event) => (this.#record(event).fenceRejections += 1));
  }

  #hear<Name extends EventName>(name: Name, count: (event: Events[Name]) => void): void {
    this.#stops.push(on(name, count));
  }

  #ended(event: { readonly backend: string; readonly resource: string }): LockSeries {
    const series = this.#lock(event);
    // What was granted before counting began is not missed.
    series.held = Math.max(0, series.held - 1);
    return series;
  }

  #lock({ backend, resource }: { readonly backend: string; readonly resource: string }): LockSeries {
    const series = of(this.locks, backend, () => new ByTemplate(this.#most, () => new LockSeries()));
    return series.at(this.#template(resource));
  }

  #record({ backend, collection }: { readonly backend: string; readonly collection: string }): RecordSeries {
    const series = of(this.records, backend, () => new ByTemplate(this.#most, () => new RecordSeries()));
    return series.at(collection);
  }
}

function of<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
