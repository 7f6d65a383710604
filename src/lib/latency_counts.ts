/** Counts of latencies in buckets that grow by a constant factor, so that every percentile is exact within 1 %. */

/** Upper bound of the first bucket in milliseconds. */
const MIN_MS = 0.1;
/** Ratio of the bounds of two adjacent buckets. The middle of a bucket differs from its bounds by 1 %. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Covers latencies up to 17 hours. */
const BUCKETS = 1_024;
/** Buckets that are allocated together. The latencies of most services are within a few pages. */
const PAGE_BUCKETS = 64;

const COUNT = 0;
const MIN = 1;
const MAX = 2;

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

/** Snapshot without latencies. */
export const NO_LATENCIES: LatencySnapshot = { buckets: [], counts: [], minMs: 0, maxMs: 0 };

/** Latencies by bucket (as in DDSketch, Masson et al., VLDB 2019), with their minimum and maximum. At most 8 KiB. */
export class LatencyCounts {
  /** Maximum memory of one instance, in bytes, by estimate. */
  static readonly maxBytes: number = BUCKETS * Float64Array.BYTES_PER_ELEMENT + 1_024;

  readonly #pages: (Float64Array | undefined)[] = Array.from({ length: BUCKETS / PAGE_BUCKETS }, () => undefined);
  /** Number, minimum and maximum. Fields would be allocated again with each latency. */
  readonly #totals = new Float64Array([0, Infinity, -Infinity]);

  /** Number of latencies. */
  get count(): number {
    return this.#totals[COUNT]!;
  }

  /** Counts a latency. A negative one counts as 0. */
  record(durationMs: number): void {
    const bucket = durationMs > MIN_MS ? Math.ceil(Math.log(durationMs / MIN_MS) / LOG_GROWTH) : 0;
    // As a small integer, because V8 would allocate a double.
    this.#add(Math.min(bucket, BUCKETS - 1) | 0, 1);
    // Not as a call: V8 would allocate each number that is passed.
    const totals = this.#totals;
    const time = durationMs > 0 ? durationMs : 0;
    if (time < totals[MIN]!) totals[MIN] = time;
    if (time > totals[MAX]!) totals[MAX] = time;
  }

  /** Adds the latencies of a snapshot. */
  merge({ buckets, counts, minMs, maxMs }: LatencySnapshot): void {
    if (buckets.length === 0) return;
    for (const [index, bucket] of buckets.entries()) this.#add(bucket, counts[index] ?? 0);
    this.#totals[MIN] = Math.min(this.#totals[MIN]!, minMs);
    this.#totals[MAX] = Math.max(this.#totals[MAX]!, maxMs);
  }

  /** Returns the latency in milliseconds at a ratio, such as 0.95 for the 95th percentile; `undefined` without any. */
  quantile(ratio: number): number | undefined {
    const rank = Math.max(1, Math.ceil(ratio * this.count));
    let seen = 0;
    for (const [page, counts] of this.#pages.entries()) {
      if (counts === undefined) continue;
      for (let index = 0; index < PAGE_BUCKETS; index++) {
        seen += counts[index]!;
        if (seen >= rank) return this.#estimate(page * PAGE_BUCKETS + index);
      }
    }
    return undefined;
  }

  /** Returns the percentiles that all views show. */
  percentiles(): Percentiles {
    const [p50Ms = null, p95Ms = null, p99Ms = null] = [0.5, 0.95, 0.99].map((ratio) => this.quantile(ratio));
    return { p50Ms, p95Ms, p99Ms, maxMs: this.count === 0 ? null : this.#totals[MAX]! };
  }

  /** Returns the counts as plain data. */
  snapshot(): LatencySnapshot {
    if (this.count === 0) return NO_LATENCIES;
    const [buckets, counts]: [number[], number[]] = [[], []];
    for (const [page, pageCounts] of this.#pages.entries()) {
      pageCounts?.forEach((count, index) => {
        if (count === 0) return;
        buckets.push(page * PAGE_BUCKETS + index);
        counts.push(count);
      });
    }
    return { buckets, counts, minMs: this.#totals[MIN]!, maxMs: this.#totals[MAX]! };
  }

  /** Removes all latencies, and keeps the memory. */
  clear(): void {
    for (const page of this.#pages) page?.fill(0);
    this.#totals.set([0, Infinity, -Infinity]);
  }

  #add(bucket: number, count: number): void {
    const page = Math.floor(bucket / PAGE_BUCKETS);
    // A snapshot may come from a file.
    if (page >= this.#pages.length) return;
    const counts = this.#pages[page] ??= new Float64Array(PAGE_BUCKETS);
    counts[bucket % PAGE_BUCKETS]! += count;
    this.#totals[COUNT]! += count;
  }

  /** Returns the value with the least relative error within a bucket, but never one outside of the latencies. */
  #estimate(bucket: number): number {
    const middleMs = MIN_MS * GROWTH ** bucket * 2 / (1 + GROWTH);
    return Math.min(this.#totals[MAX]!, Math.max(this.#totals[MIN]!, middleMs));
  }
}

/** Adds up snapshots. */
export function mergeLatencies(snapshots: readonly LatencySnapshot[]): LatencySnapshot {
  return addUp(snapshots).snapshot();
}

/** Returns the percentiles of several snapshots together. */
export function percentilesOf(...snapshots: readonly LatencySnapshot[]): Percentiles {
  return addUp(snapshots).percentiles();
}

function addUp(snapshots: readonly LatencySnapshot[]): LatencyCounts {
  const sum = new LatencyCounts();
  for (const snapshot of snapshots) sum.merge(snapshot);
  return sum;
}
