import { assertEquals, assertLess } from "@std/assert";

import { addCounts, Histogram, HistogramBuckets } from "../../src/lib/histogram.ts";

/** Two buckets per octave. */
const BOUNDS = Array.from({ length: 30 }, (_, index) => 2 ** (index / 2));
const BUCKETS = new HistogramBuckets(BOUNDS, "linear");

Deno.test("HistogramBuckets.indexOf() puts a bound into the bucket below it, and larger values into one more bucket", () => {
  const last = BOUNDS.length;
  for (const [index, bound] of BOUNDS.entries()) {
    assertEquals([BUCKETS.indexOf(bound), BUCKETS.indexOf(bound * 1.000001)], [index, index + 1]);
  }
  assertEquals([BUCKETS.indexOf(0), BUCKETS.indexOf(1e9), BUCKETS.indexOf(Infinity)], [0, last, last]);
  assertEquals([BUCKETS.indexOf(-1), BUCKETS.indexOf(NaN)], [0, 0]);
});

Deno.test("HistogramBuckets.quantile() is within the bucket of the exact quantile", () => {
  for (const estimate of ["linear", "middle"] as const) {
    const buckets = new HistogramBuckets(BOUNDS, estimate);
    const histogram = new Histogram(buckets);
    assertEquals(buckets.quantile(histogram.counts(), 0.5), undefined);
    for (let value = 1; value <= 1_000; value++) histogram.record(value);
    for (const ratio of [0.01, 0.5, 0.9, 0.95, 0.99, 1]) {
      const quantile = buckets.quantile(histogram.counts(), ratio)!;
      assertLess(Math.abs(Math.log2(quantile / (ratio * 1_000))), 0.5, `${ratio}: ${quantile}`);
    }
  }
});

Deno.test("HistogramBuckets.quantile() estimates by rank, or the geometric middle of the bucket", () => {
  const bounds = [1, 4, 16];
  const linear = new HistogramBuckets(bounds, "linear");
  assertEquals([0.25, 0.5, 1].map((ratio) => linear.quantile([0, 4], ratio)), [1.75, 2.5, 4]);
  assertEquals(linear.quantile([2], 0.5), 0.5);
  const middle = new HistogramBuckets(bounds, "middle");
  assertEquals([0.25, 0.5, 1].map((ratio) => middle.quantile([0, 4], ratio)), [2, 2, 2]);
  assertEquals(middle.quantile([2], 0.5), 1);
});

Deno.test("HistogramBuckets.quantile() is the last bound for values above it", () => {
  for (const estimate of ["linear", "middle"] as const) {
    assertEquals(new HistogramBuckets([1, 4, 16], estimate).quantile([0, 0, 0, 3], 0.5), 16);
  }
});

Deno.test("Histogram counts values, adds counts and keeps the sum", () => {
  const histogram = new Histogram(new HistogramBuckets([1, 2, 3], "linear"));
  assertEquals(histogram.trimmedCounts(), []);
  for (const value of [0.5, 1, 1.5]) histogram.record(value);
  assertEquals([histogram.counts(), histogram.trimmedCounts(), histogram.sum], [[2, 1, 0, 0], [2, 1], 3]);
  histogram.merge([1, 0, 5]);
  assertEquals(histogram.counts(), [3, 1, 5, 0]);
  histogram.merge([0, 0, 0, 1, 9]);
  assertEquals(histogram.counts(), [3, 1, 5, 1]);
});

Deno.test("addCounts() adds lists of different lengths", () => {
  assertEquals([addCounts([1, 2], [1]), addCounts([1], [1, 2, 3]), addCounts([], [])], [[2, 2], [2, 2, 3], []]);
});
