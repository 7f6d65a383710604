/** @import { RouteSnapshot, ServiceSnapshot } from "../../observe/metrics_snapshot.ts" */

/** Differences between two readings of the counters. The state has the percentiles. */

/**
 * @typedef {object} Span Counts of a period of time.
 * @property {number} seconds Length of the period.
 * @property {number} total Requests of clients; for a service, attempts that were sent and have settled.
 * @property {number} aborted Part of `total` that conductor aborted. It is no sign of the health of the service.
 * @property {number} succeeded Part of `total` that succeeded.
 * @property {Readonly<Record<string, number>>} failures Failures by kind.
 * @property {Readonly<Record<string, number>>} skips Requests that were not sent, by reason.
 * @property {number} fallbacks Responses from a service other than a primary.
 */

/**
 * Returns the counters of a service on a route, since the start. The span has no length.
 *
 * Every request is a response, a failure, aborted, or a skip, and nothing twice.
 *
 * @param {Pick<ServiceSnapshot, "responses" | "failedResponses" | "failures" | "skips">} snapshot
 * @returns {Span}
 */
export function serviceSpan({ responses, failedResponses, failures, skips }) {
  const { aborted = 0, ...faults } = failures;
  const responseCount = sum(Object.values(responses));
  return {
    seconds: 0,
    total: responseCount + aborted + sum(Object.values(faults)),
    aborted,
    succeeded: responseCount - failedResponses,
    failures: { ...faults, "error status": failedResponses },
    skips,
    fallbacks: 0,
  };
}

/**
 * Returns the counters of a route, since the start. Responses with 5xx and interrupted responses are failures. The span has
 * no length.
 *
 * @param {Pick<RouteSnapshot, "responses" | "interrupted" | "fallbacks">} snapshot
 * @returns {Span}
 */
export function routeSpan({ responses, interrupted, fallbacks }) {
  const total = sum(Object.values(responses));
  const serverErrors = responses["5xx"] ?? 0;
  return {
    seconds: 0,
    total,
    aborted: 0,
    succeeded: total - Math.min(total, serverErrors + interrupted),
    failures: { "5xx": serverErrors, interrupted },
    skips: {},
    fallbacks,
  };
}

/**
 * Returns the counts between two readings. Counters decrease only if a worker was lost; such a decrease counts as 0.
 *
 * @param {Span} before
 * @param {Span} after
 * @param {number} seconds Time between the readings.
 * @returns {Span}
 */
export function spanBetween(before, after, seconds) {
  return {
    seconds,
    total: increase(before.total, after.total),
    aborted: increase(before.aborted, after.aborted),
    succeeded: increase(before.succeeded, after.succeeded),
    failures: increases(before.failures, after.failures),
    skips: increases(before.skips, after.skips),
    fallbacks: increase(before.fallbacks, after.fallbacks),
  };
}

/**
 * Adds up spans of several services, or of several periods.
 *
 * @param {readonly Span[]} spans
 * @param {number} seconds Length of the sum.
 * @returns {Span}
 */
export function mergeSpans(spans, seconds) {
  return {
    seconds,
    total: sum(spans.map(({ total }) => total)),
    aborted: sum(spans.map(({ aborted }) => aborted)),
    succeeded: sum(spans.map(({ succeeded }) => succeeded)),
    failures: addCounts(...spans.map(({ failures }) => failures)),
    skips: addCounts(...spans.map(({ skips }) => skips)),
    fallbacks: sum(spans.map(({ fallbacks }) => fallbacks)),
  };
}

/** @param {readonly number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/**
 * @param {number} before
 * @param {number} after
 */
function increase(before, after) {
  return Math.max(0, after - before);
}

/**
 * Returns the counts that have increased. Most are 0, and with 200 routes there are thousands of them.
 *
 * @param {Readonly<Record<string, number>>} before
 * @param {Readonly<Record<string, number>>} after
 */
function increases(before, after) {
  /** @type {Record<string, number>} */
  const increased = {};
  for (const key in after) {
    const count = increase(before[key] ?? 0, after[key] ?? 0);
    if (count > 0) increased[key] = count;
  }
  return increased;
}

/**
 * @param {readonly Readonly<Record<string, number>>[]} counts
 */
function addCounts(...counts) {
  /** @type {Record<string, number>} */
  const total = {};
  for (const each of counts) {
    for (const key in each) {
      const count = each[key] ?? 0;
      if (count > 0) total[key] = (total[key] ?? 0) + count;
    }
  }
  return total;
}
