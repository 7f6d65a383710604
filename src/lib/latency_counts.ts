/** Counts of latencies in buckets that grow by a constant factor, so that every percentile is exact within 1 %. */

/** The upper bound of the first bucket is a power of two in seconds, so that bounds of buckets for Prometheus are too. */
const MIN_EXPONENT = -14;
const MIN_MS = 1_000 * 2 ** MIN_EXPONENT;
/** The ratio of two bounds is 2^(1/36), or 1.019: the middle of a bucket differs from its bounds by less than 1 %. */
const BUCKETS_PER_OCTAVE = 36;
const GROWTH = 2 ** (1 / BUCKETS_PER_OCTAVE);
/** Covers latencies up to 20 hours. */
const BUCKETS = 1_088;
/** Buckets that are allocated together. The latencies of most services are within a few pages. */
const PAGE_BUCKETS = 64;
const PAGES = BUCKETS / PAGE_BUCKETS;

const COUNT = 0;
const MIN = 1;
const MAX = 2;
const LAST = 3;

/** Counts as plain data, which can be merged over threads. */
export interface LatencySnapshot {
  /** Indexes of the buckets with counts, ascending. */
  readonly buckets: readonly number[];
  /** Counts of these buckets. */
  readonly counts: readonly number[];
  /** Lowest latency in milliseconds; 0 without latencies. */
  readonly minMs: number;
  /** Highest latency in milliseconds; 0 without latencies. */
  readonly maxMs: number;
}

/** Percentiles of latencies in milliseconds. All are `null` without latencies. */
export interface Percentiles {
  /** Median. */
  readonly p50Ms: number | null;
  /** 95th percentile. */
  readonly p95Ms: number | null;
  /** 99th percentile. */
  readonly p99Ms: number | null;
  /** Highest latency. */
  readonly maxMs: number | null;
}

/** Buckets of half an octave. Prometheus' native histograms of schema 1 have the same bounds. */
const HALF_OCTAVE = BUCKETS_PER_OCTAVE / 2;
/** Largest relative error of a logarithm. A latency on a bound belongs below it. */
const LOG_ERROR = 1e-9;

/**
 * Returns the counts by bounds that are `step` half octaves apart, exactly. The first bound is 2^`firstExponent`
 * seconds, and the last count is that of all latencies above the last bound.
 */
export function countByHalfOctaves(
  { buckets, counts }: LatencySnapshot,
  { firstExponent, bounds, step }: { readonly firstExponent: number; readonly bounds: number; readonly step: number },
): number[] {
  const first = 2 * (firstExponent - MIN_EXPONENT);
  const sums = Array.from({ length: bounds + 1 }, () => 0);
  for (const [index, bucket] of buckets.entries()) {
    const bound = Math.ceil((Math.ceil(bucket / HALF_OCTAVE) - first) / step);
    sums[Math.min(bounds, Math.max(0, bound))]! += counts[index] ?? 0;
  }
  return sums;
}

/** Snapshot without latencies. */
export const NO_LATENCIES: LatencySnapshot = { buckets: [], counts: [], minMs: 0, maxMs: 0 };

/** Latencies by bucket (as in DDSketch, Masson et al., VLDB 2019), with their minimum and maximum. At most 9 KiB. */
export class LatencyCounts {
  /** Maximum memory of one instance, in bytes, by estimate. */
  static readonly maxBytes: number = BUCKETS * Float64Array.BYTES_PER_ELEMENT + 1_024;

  readonly #pages: (Float64Array | undefined)[] = Array.from({ length: PAGES }, () => undefined);
  /** Number, minimum, maximum and last latency. Fields would be allocated again with each latency. */
  readonly #totals = new Float64Array([0, Infinity, -Infinity, 0]);

  /** Number of latencies. */
  get count(): number {
    return this.#totals[COUNT]!;
  }

  /** Counts a latency. A negative one counts as 0. */
  record(durationMs: number): void {
    const totals = this.#totals;
    totals[LAST] = durationMs > 0 ? durationMs : 0;
    this.#recordLast();
  }

  /** Adds the latencies of a snapshot. */
  merge({ buckets, counts, minMs, maxMs }: LatencySnapshot): void {
    if (buckets.length === 0) return;
    for (const [index, bucket] of buckets.entries()) this.#add(bucket, counts[index] ?? 0);
    this.#totals[MIN] = Math.min(this.#totals[MIN]!, minMs);
    this.#totals[MAX] = Math.max(this.#totals[MAX]!, maxMs);
  }

  /** Returns the counts as plain data. */
  snapshot(): LatencySnapshot {
    return LatencyCounts.sum([this]);
  }

  /** Returns the sum of several counts as plain data. */
  static sum(parts: readonly LatencyCounts[]): LatencySnapshot {
    const [buckets, counts]: [number[], number[]] = [[], []];
    let [minMs, maxMs] = [Infinity, -Infinity];
    const filled = parts.filter(({ count }) => count > 0);
    if (filled.length === 0) return NO_LATENCIES;
    for (const part of filled) {
      minMs = Math.min(minMs, part.#totals[MIN]!);
      maxMs = Math.max(maxMs, part.#totals[MAX]!);
    }
    for (let page = 0; page < PAGES; page++) {
      const pages = filled.flatMap((part) => part.#pages[page] ?? []);
      if (pages.length === 0) continue;
      for (let index = 0; index < PAGE_BUCKETS; index++) {
        let count = 0;
        for (const pageCounts of pages) count += pageCounts[index]!;
        if (count === 0) continue;
        buckets.push(page * PAGE_BUCKETS + index);
        counts.push(count);
      }
    }
    return { buckets, counts, minMs, maxMs };
  }

  /** Removes all latencies, and keeps the memory. */
  clear(): void {
    for (const page of this.#pages) page?.fill(0);
    this.#totals.set([0, Infinity, -Infinity, 0]);
  }

  /** Counts the last latency. Has no parameter, because V8 would allocate a number that is passed. */
  #recordLast(): void {
    const totals = this.#totals;
    const last = totals[LAST]!;
    if (last < totals[MIN]!) totals[MIN] = last;
    if (last > totals[MAX]!) totals[MAX] = last;
    this.#add(Math.min(bucketOf(last), BUCKETS - 1) | 0, 1);
  }

  #add(bucket: number, count: number): void {
    const page = Math.floor(bucket / PAGE_BUCKETS);
    // A snapshot may come from a file.
    if (page >= this.#pages.length) return;
    const counts = this.#pages[page] ??= new Float64Array(PAGE_BUCKETS);
    counts[bucket % PAGE_BUCKETS]! += count;
    this.#totals[COUNT]! += count;
  }
}

/** Adds up snapshots. */
export function mergeLatencies(snapshots: readonly LatencySnapshot[]): LatencySnapshot {
  const filled = snapshots.filter(({ buckets }) => buckets.length > 0);
  if (filled.length <= 1) return filled[0] ?? NO_LATENCIES;
  const sum = new LatencyCounts();
  for (const snapshot of filled) sum.merge(snapshot);
  return sum.snapshot();
}

/** Returns the latency at a ratio, such as 0.95 for the 95th percentile, in milliseconds; `undefined` without any. */
export function quantileOf(snapshot: LatencySnapshot, ratio: number): number | undefined {
  return quantilesOf(snapshot, [ratio])[0];
}

/** Returns the number of latencies in the buckets above the bucket of a latency. */
export function countAbove({ buckets, counts }: LatencySnapshot, latencyMs: number): number {
  const last = bucketOf(latencyMs);
  return counts.reduce((sum, count, index) => buckets[index]! > last ? sum + count : sum, 0);
}

function bucketOf(latencyMs: number): number {
  return latencyMs > MIN_MS ? Math.ceil(Math.log2(latencyMs / MIN_MS) * BUCKETS_PER_OCTAVE - LOG_ERROR) : 0;
}

/** Returns the percentiles of several snapshots together, in whole microseconds. */
export function percentilesOf(...snapshots: readonly LatencySnapshot[]): Percentiles {
  const sum = mergeLatencies(snapshots);
  const [p50Ms = null, p95Ms = null, p99Ms = null] = quantilesOf(sum, PERCENTILES).map(toMicroseconds);
  return { p50Ms, p95Ms, p99Ms, maxMs: sum.buckets.length === 0 ? null : toMicroseconds(sum.maxMs) };
}

const PERCENTILES: readonly number[] = [0.5, 0.95, 0.99];

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** Returns the latencies at ascending ratios; none without latencies. */
function quantilesOf({ buckets, counts, minMs, maxMs }: LatencySnapshot, ratios: readonly number[]): number[] {
  let total = 0;
  for (let index = 0; index < counts.length; index++) total += counts[index]!;
  const quantiles: number[] = [];
  let seen = 0;
  for (let index = 0; index < buckets.length && quantiles.length < ratios.length; index++) {
    seen += counts[index]!;
    while (quantiles.length < ratios.length && seen >= Math.max(1, Math.ceil(ratios[quantiles.length]! * total))) {
      // The value with the least relative error within the bucket, but never one outside of the latencies.
      const middleMs = MIN_MS * GROWTH ** buckets[index]! * 2 / (1 + GROWTH);
      quantiles.push(Math.min(maxMs, Math.max(minMs, middleMs)));
    }
  }
  return quantiles;
}
