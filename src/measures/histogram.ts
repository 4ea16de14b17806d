/** Values within a bucket differ by at most this factor, a sixteenth of an octave: 4.4 %. */
const GROWTH = 2 ** (1 / 16);
const PER_OCTAVE = 16;
/** Octaves below and above one millisecond: from 0.06 µs to 12 days. */
const LOWEST = -14;
const HIGHEST = 30;
const BUCKETS = (HIGHEST - LOWEST) * PER_OCTAVE + 1;

/** A distribution in few words. Durations in ms. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Counts durations in buckets that grow by a fixed factor: any quantile within 2.2 %, in 3 KB, whatever comes. Count,
 * mean and maximum are exact.
 */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  count = 0;
  sum = 0;
  max = 0;

  record(ms: number): void {
    const value = ms > 0 ? ms : 0;
    this.count += 1;
    this.sum += value;
    if (value > this.max) this.max = value;
    this.#buckets[bucketOf(value)]! += 1;
  }

  /** The value below which a share of `q` (0 … 1) lies; 0 if there is none. */
  quantile(q: number): number {
    const rank = Math.ceil(q * this.count);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#buckets[bucket]!;
      if (seen >= rank && seen > 0) return Math.min(this.max, middleOf(bucket));
    }
    return this.max;
  }

  /** How many are at most 2 ^ `octave` ms. Exact, because buckets end there. */
  upTo(octave: number): number {
    const last = Math.min((octave - LOWEST) * PER_OCTAVE, BUCKETS - 1);
    let seen = 0;
    for (let bucket = 0; bucket <= last; bucket += 1) seen += this.#buckets[bucket]!;
    return seen;
  }

  summary(): Summary {
    const { count, sum, max } = this;
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => this.quantile(q)) as [number, number, number];
    return { count, mean: count === 0 ? 0 : sum / count, p50, p95, p99, max };
  }
}

/** Bucket 0 holds what is at most 2 ^ LOWEST, bucket n what is above the end of n − 1 and at most its own. */
function bucketOf(value: number): number {
  if (value <= 2 ** LOWEST) return 0;
  const bucket = Math.ceil((Math.log2(value) - LOWEST) * PER_OCTAVE);
  return Math.min(bucket, BUCKETS - 1);
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : GROWTH ** (bucket - 0.5) * 2 ** LOWEST;
}
