/** @import { HistogramSnapshot, RouteSnapshot, ServiceSnapshot } from "../../observe/metrics_snapshot.ts" */
import { NOT_SENT_KINDS } from "./outcomes.js";

/** What happened between two readings of the counters. */

/**
 * @typedef {object} Span What was counted in a span of time.
 * @property {number} seconds How long the span was.
 * @property {number} total Requests, or attempts that reached a service or should have.
 * @property {number} good How many of them succeeded.
 * @property {readonly number[]} counts How long they took, by bucket.
 * @property {Readonly<Record<string, number>>} failures Those that failed, by kind.
 * @property {Readonly<Record<string, number>>} skips Those that were not sent, by reason.
 * @property {number} fallbacks Answers that came from another than a primary.
 */

/** Failures without a verdict on the service: conductor aborted the attempt, or never sent it. */
const NOT_ITS_FAULT = new Set([...NOT_SENT_KINDS, "aborted"]);

/**
 * Reads all counters of a service on a route as one span, since counting began.
 *
 * @param {ServiceSnapshot} snapshot The counters.
 * @returns {Span} The span, its length unknown.
 */
export function serviceSpan(snapshot) {
  const failures = Object.entries(snapshot.failures);
  const faults = failures.filter(([kind]) => !NOT_ITS_FAULT.has(kind));
  const unsent = failures.filter(([kind]) => NOT_SENT_KINDS.has(kind));
  const responses = sum(Object.values(snapshot.responses));
  return {
    seconds: 0,
    total: responses + sum(faults.map(([, times]) => times)),
    good: responses - snapshot.failedResponses,
    counts: snapshot.duration.counts,
    failures: { ...Object.fromEntries(faults), "bad status": snapshot.failedResponses },
    skips: added(snapshot.skips, Object.fromEntries(unsent)),
    fallbacks: 0,
  };
}

/**
 * Reads all counters of a route as one span, since counting began. What the client was answered with counts: a 5xx and a
 * response that broke off are failures.
 *
 * @param {RouteSnapshot} snapshot The counters.
 * @returns {Span} The span, its length unknown.
 */
export function routeSpan(snapshot) {
  const total = sum(Object.values(snapshot.responses));
  const failed = Math.min(total, (snapshot.responses["5xx"] ?? 0) + snapshot.interrupted);
  return {
    seconds: 0,
    total,
    good: total - failed,
    counts: snapshot.duration.counts,
    failures: { "5xx": snapshot.responses["5xx"] ?? 0, "broken off": snapshot.interrupted },
    skips: {},
    fallbacks: snapshot.fallbacks,
  };
}

/**
 * Says what was counted between two readings. Counters never go down but where a worker was lost: nothing, then.
 *
 * @param {Span} before The earlier reading.
 * @param {Span} after The later one.
 * @param {number} seconds The time between them.
 * @returns {Span} The difference.
 */
export function difference(before, after, seconds) {
  return {
    seconds,
    total: risen(before.total, after.total),
    good: risen(before.good, after.good),
    counts: after.counts.map((times, index) => risen(before.counts[index] ?? 0, times)),
    failures: eachRisen(before.failures, after.failures),
    skips: eachRisen(before.skips, after.skips),
    fallbacks: risen(before.fallbacks, after.fallbacks),
  };
}

/**
 * Adds spans up: of several services, or of several seconds.
 *
 * @param {readonly Span[]} spans The spans.
 * @param {number} seconds How long they are together.
 * @returns {Span} The sum.
 */
export function together(spans, seconds) {
  const counts = Array.from({ length: Math.max(0, ...spans.map((span) => span.counts.length)) }, () => 0);
  for (const span of spans) span.counts.forEach((times, index) => counts[index] = (counts[index] ?? 0) + times);
  return {
    seconds,
    total: sum(spans.map((span) => span.total)),
    good: sum(spans.map((span) => span.good)),
    counts,
    failures: spans.reduce((all, span) => added(all, span.failures), {}),
    skips: spans.reduce((all, span) => added(all, span.skips), {}),
    fallbacks: sum(spans.map((span) => span.fallbacks)),
  };
}

/**
 * Estimates a quantile: linear within its bucket, and the last bound for what took longer than all.
 *
 * @param {HistogramSnapshot["counts"]} counts How many per bucket.
 * @param {readonly number[]} boundsMs The upper bounds of all buckets but the last.
 * @param {number} share Which quantile, from 0 to 1.
 * @returns {number} Milliseconds; `NaN` where nothing was measured.
 */
export function quantile(counts, boundsMs, share) {
  const total = sum(counts);
  if (total === 0) return NaN;
  const rank = total * share;
  let below = 0;
  for (let index = 0; index < boundsMs.length; index++) {
    const times = counts[index] ?? 0;
    if (times > 0 && below + times >= rank) {
      const from = boundsMs[index - 1] ?? 0;
      return from + (/** @type {number} */ (boundsMs[index]) - from) * ((rank - below) / times);
    }
    below += times;
  }
  return boundsMs.at(-1) ?? NaN;
}

/**
 * Adds numbers up.
 *
 * @param {readonly number[]} numbers The numbers.
 * @returns {number} Their sum.
 */
export function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0);
}

/**
 * @param {number} before The earlier reading.
 * @param {number} after The later one.
 */
function risen(before, after) {
  return Math.max(0, after - before);
}

/**
 * @param {Readonly<Record<string, number>>} before The earlier reading.
 * @param {Readonly<Record<string, number>>} after The later one.
 */
function eachRisen(before, after) {
  return Object.fromEntries(Object.entries(after).map(([key, times]) => [key, risen(before[key] ?? 0, times)]));
}

/**
 * @param {Readonly<Record<string, number>>} one Some counts.
 * @param {Readonly<Record<string, number>>} other Some more.
 */
function added(one, other) {
  /** @type {Record<string, number>} */
  const all = { ...one };
  for (const [key, times] of Object.entries(other)) all[key] = (all[key] ?? 0) + times;
  return all;
}
