import { systemClock } from "../clock.ts";
import { on, type EventName, type Events } from "../events.ts";
import { defaultTemplate, type Template } from "./templates.ts";

type Attributes = Readonly<Record<string, string | number>>;

interface Instrument {
  add(value: number, attributes?: Attributes): void;
}

/** What is used of a meter of `@opentelemetry/api`. */
export interface Meter {
  createHistogram(
    name: string,
    options?: { readonly description?: string; readonly unit?: string },
  ): { record(value: number, attributes?: Attributes): void };
  createCounter(name: string, options?: { readonly description?: string; readonly unit?: string }): Instrument;
  createUpDownCounter(
    name: string,
    options?: { readonly description?: string; readonly unit?: string },
  ): Instrument;
}

/** What is used of a tracer of `@opentelemetry/api`. */
export interface Tracer {
  startSpan(
    name: string,
    options?: { readonly startTime?: number; readonly attributes?: Attributes },
  ): { end(endTime?: number): void };
}

export interface OpenTelemetryOptions {
  /** `metrics.getMeter("holdfast")` */
  readonly meter?: Meter;
  /** `trace.getTracer("holdfast")`: a span for each wait and each hold, made when it is over. */
  readonly tracer?: Tracer;
  /** What a resource is counted under; see the guide. Spans carry the whole name. */
  readonly template?: Template;
}

/** Tells a meter and a tracer what the events of this process tell. Returns the way to stop. */
export function openTelemetry({
  meter,
  tracer,
  template = defaultTemplate,
}: OpenTelemetryOptions): () => void {
  const stops = [
    ...(meter === undefined ? [] : lockMetrics(meter, template)),
    ...(meter === undefined ? [] : recordMetrics(meter)),
    ...(tracer === undefined ? [] : spans(tracer)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

type Stop = () => void;
const seconds = (ms: number): number => ms / 1_000;

function lockMetrics(meter: Meter, template: Template): readonly Stop[] {
  const acquire = meter.createHistogram("holdfast.lock.acquire.duration", {
    unit: "s",
    description: "Wait time: from the request to the grant or refusal",
  });
  const hold = meter.createHistogram("holdfast.lock.hold.duration", {
    unit: "s",
    description: "Hold time: from the grant to the release or loss",
  });
  const held = meter.createUpDownCounter("holdfast.lock.held", { unit: "{lease}" });
  const contentions = meter.createCounter("holdfast.lock.contentions", { unit: "{request}" });
  const renewals = meter.createCounter("holdfast.lock.renewals", { unit: "{renewal}" });
  const lost = meter.createCounter("holdfast.lock.lost", { unit: "{lease}" });
  const of = ({ backend, resource }: { readonly backend: string; readonly resource: string }) => ({
    name_template: template(resource),
    backend,
  });
  return [
    on("lock.granted", (event) => {
      acquire.record(seconds(event.waitMs), { ...of(event), outcome: "acquired" });
      held.add(1, of(event));
    }),
    on("lock.refused", (event) => {
      acquire.record(seconds(event.waitMs), { ...of(event), outcome: event.outcome });
    }),
    on("lock.released", (event) => {
      hold.record(seconds(event.holdMs), { ...of(event), end: "released" });
      held.add(-1, of(event));
    }),
    on("lock.lost", (event) => {
      hold.record(seconds(event.holdMs), { ...of(event), end: "lost" });
      held.add(-1, of(event));
      lost.add(1, { ...of(event), reason: event.reason });
    }),
    on("lock.waiting", (event) => contentions.add(1, of(event))),
    on("lease.renewed", (event) => renewals.add(1, of(event))),
  ];
}

function recordMetrics(meter: Meter): readonly Stop[] {
  const updates = meter.createCounter("holdfast.record.updates", { unit: "{update}" });
  const edits = meter.createCounter("holdfast.record.edits", { unit: "{edit}" });
  const wait = meter.createHistogram("holdfast.record.wait.duration", { unit: "s" });
  const conflicts = meter.createCounter("holdfast.cas.conflicts", { unit: "{write}" });
  const stale = meter.createCounter("holdfast.fence.rejections", { unit: "{write}" });
  const of = ({ backend, collection }: { readonly backend: string; readonly collection: string }) => ({
    entity: collection,
    backend,
  });
  return [
    on("record.updated", (event) => {
      const attributes = { ...of(event), strategy: event.strategy };
      updates.add(1, attributes);
      edits.add(event.attempts, attributes);
      wait.record(seconds(event.waitMs), attributes);
    }),
    on("write.conflict", (event) => conflicts.add(1, of(event))),
    on("write.stale", (event) => stale.add(1, of(event))),
  ];
}

function spans(tracer: Tracer): readonly Stop[] {
  const span = <Name extends EventName>(
    event: Name,
    name: string,
    read: (payload: Events[Name]) => { readonly ms: number; readonly attributes: Attributes },
  ): Stop =>
    on(event, (payload) => {
      const { ms, attributes } = read(payload);
      const end = systemClock.wall();
      tracer.startSpan(name, { startTime: end - ms, attributes }).end(end);
    });
  const named = ({ backend, resource, token }: { backend: string; resource: string; token: bigint }) => ({
    "holdfast.backend": backend,
    "holdfast.lock.name": resource,
    "holdfast.lock.fencing_token": String(token),
  });
  return [
    span("lock.granted", "holdfast.lock.acquire", (event) => ({ ms: event.waitMs, attributes: named(event) })),
    span("lock.released", "holdfast.lock.hold", (event) => ({ ms: event.holdMs, attributes: named(event) })),
    span("lock.lost", "holdfast.lock.hold", (event) => ({
      ms: event.holdMs,
      attributes: { ...named(event), "holdfast.lock.lost": event.reason },
    })),
    span("record.updated", "holdfast.record.update", (event) => ({
      ms: event.waitMs + event.holdMs,
      attributes: {
        "holdfast.backend": event.backend,
        "holdfast.record.collection": event.collection,
        "holdfast.record.key": event.key,
        "holdfast.record.strategy": event.strategy,
        "holdfast.record.attempts": event.attempts,
        "holdfast.record.combined": event.combined,
      },
    })),
  ];
}
