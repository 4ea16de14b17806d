import type { Histogram } from "./histogram.ts";
import { Registry, type MeasureOptions } from "./registry.ts";
import type { LockSeries, RecordSeries } from "./series.ts";

export interface PrometheusOptions extends MeasureOptions {
  /** What all names begin with; default `holdfast`. */
  readonly prefix?: string;
}

/** Counts from its making. One for each process is enough: it hears all coordinators. */
export interface PrometheusMetrics {
  /** What to answer a scrape with, under {@link contentType}. */
  text(): string;
  readonly contentType: string;
  stop(): void;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

/** Bounds of buckets, in octaves of one millisecond: 1/16 ms … 65 s. */
const OCTAVES = Array.from({ length: 21 }, (_, index) => index - 4);

/**
 * Holdfast's measures in the text format of Prometheus. Durations are histograms in seconds, so that quantiles
 * can be taken over all processes.
 */
export function prometheus({ prefix = "holdfast", ...options }: PrometheusOptions = {}): PrometheusMetrics {
  if (!/^[a-zA-Z_:][\w:]*$/.test(prefix)) {
    throw new RangeError(`prefix must be letters, digits and "_", and begin with no digit, not "${prefix}"`);
  }
  const registry = new Registry(options);
  return {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    text: () => [...exposition(registry, prefix)].join("\n") + "\n",
    stop: () => registry.stop(),
  };
}

function* exposition(registry: Registry, prefix: string): Iterable<string> {
  const locks = [...labelled(registry.locks, "name_template")];
  const records = [...labelled(registry.records, "entity")];
  const lock = (read: (series: LockSeries) => number): Sample[] =>
    locks.map(([labels, series]) => [labels, read(series)]);
  const record = (read: (series: RecordSeries) => number): Sample[] =>
    records.map(([labels, series]) => [labels, read(series)]);
  const by = (label: string, read: (series: LockSeries) => Readonly<Record<string, number>>): Sample[] =>
    locks.flatMap(([labels, series]) =>
      Object.entries(read(series)).map(([value, count]): Sample => [{ ...labels, [label]: value }, count]),
    );

  yield* histogram(`${prefix}_lock_acquire_duration_seconds`, "Wait time: request to grant or refusal.", [
    ...locks.map(([labels, { wait }]) => [{ ...labels, outcome: "acquired" }, wait] as const),
    ...locks.map(([labels, { inVain }]) => [{ ...labels, outcome: "refused" }, inVain] as const),
  ]);
  yield* histogram(`${prefix}_lock_hold_duration_seconds`, "Hold time: grant to release or loss.", [
    ...locks.map(([labels, { hold }]) => [labels, hold] as const),
  ]);
  yield* family(`${prefix}_lock_held`, "gauge", "Leases held.", lock(({ held }) => held));
  yield* counter(
    `${prefix}_lock_contentions`,
    "Callers that had to wait.",
    lock(({ contentions }) => contentions),
  );
  yield* counter(
    `${prefix}_lock_handovers`,
    "Grants handed on by the holder before.",
    by("reach", ({ localHandovers: local, remoteHandovers: remote }) => ({ local, remote })),
  );
  yield* counter(
    `${prefix}_lock_refusals`,
    "Requests that were not granted.",
    by("outcome", ({ refused }) => refused),
  );
  yield* counter(`${prefix}_lock_lost`, "Leases lost.", by("reason", ({ lost }) => lost));
  yield* counter(`${prefix}_lock_renewals`, "Leases prolonged.", lock(({ renewals }) => renewals));
  yield* counter(`${prefix}_lock_revocations`, "Leases ended by force.", lock(({ revoked }) => revoked));

  yield* counter(`${prefix}_record_updates`, "Updates committed.", record(({ updates }) => updates));
  yield* counter(`${prefix}_record_edits`, "Times an edit ran.", record(({ attempts }) => attempts));
  yield* counter(
    `${prefix}_cas_commits`,
    "Conditional writes that committed updates.",
    record(({ commits }) => commits),
  );
  yield* counter(
    `${prefix}_cas_conflicts`,
    "Conditional writes that were refused.",
    record(({ conflicts }) => conflicts),
  );
  yield* counter(
    `${prefix}_fence_rejections`,
    "Fenced writes refused because of a later holder.",
    record(({ fenceRejections }) => fenceRejections),
  );
  yield* histogram(`${prefix}_record_wait_duration_seconds`, "Updates waiting for their turn.", [
    ...records.map(([labels, { wait }]) => [labels, wait] as const),
  ]);
}

function* labelled<Series>(
  stores: ReadonlyMap<string, { entries(): Iterable<[string, Series]> }>,
  label: string,
): Iterable<readonly [Labels, Series]> {
  for (const [backend, series] of stores) {
    for (const [name, each] of series.entries()) yield [{ [label]: name, backend }, each];
  }
}

function* counter(name: string, help: string, samples: readonly Sample[]): Iterable<string> {
  yield* family(`${name}_total`, "counter", help, samples);
}

function* family(name: string, type: string, help: string, samples: readonly Sample[]): Iterable<string> {
  if (samples.length === 0) return;
  yield `# HELP ${name} ${help}`;
  yield `# TYPE ${name} ${type}`;
  for (const [labels, value] of samples) yield `${name}${textOf(labels)} ${value}`;
}

function* histogram(
  name: string,
  help: string,
  samples: readonly (readonly [Labels, Histogram])[],
): Iterable<string> {
  if (samples.length === 0) return;
  yield `# HELP ${name} ${help}`;
  yield `# TYPE ${name} histogram`;
  for (const [labels, durations] of samples) {
    for (const octave of OCTAVES) {
      const le = String(2 ** octave / 1_000);
      yield `${name}_bucket${textOf({ ...labels, le })} ${durations.upTo(octave)}`;
    }
    yield `${name}_bucket${textOf({ ...labels, le: "+Inf" })} ${durations.count}`;
    yield `${name}_sum${textOf(labels)} ${durations.sum / 1_000}`;
    yield `${name}_count${textOf(labels)} ${durations.count}`;
  }
}

function textOf(labels: Labels): string {
  const escaped = (value: string): string =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}
