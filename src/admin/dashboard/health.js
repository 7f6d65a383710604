/** @import { SkipReason } from "../../http/outcome_kinds.ts" */
/** @import { ServiceStateSnapshot } from "../../observe/metrics_snapshot.ts" */
/** @import { Span } from "./rates.js" */

/** Health of a service or of a route, in four levels. Each level has a colour, a shape and a label. */

/** @typedef {"idle" | "healthy" | "degraded" | "failing"} Health */

/**
 * @typedef {object} Judgement Health with its reason.
 * @property {Health} health
 * @property {string} reason Reason of a degraded or failing one; otherwise the label of the level.
 * @property {string} [skip] Reason of the skips, if they are the reason.
 */

/** Labels of the levels. @type {Readonly<Record<Health, string>>} */
export const HEALTH_LABELS = { idle: "no traffic", healthy: "healthy", degraded: "degraded", failing: "failing" };

/** Order of the levels by trouble. A lack of traffic is no trouble. @type {Readonly<Record<Health, number>>} */
export const HEALTH_RANKS = { failing: 0, degraded: 1, healthy: 2, idle: 2 };

/** Minimum success ratio of the level "healthy", and minimum ratio of requests that are sent and not served by a fallback. */
const MIN_HEALTHY = 0.99;

/** Minimum success ratio of the level "degraded". */
const MIN_DEGRADED = 0.9;

/** Skips that the configuration asks for. All others lose requests. @type {ReadonlySet<string>} */
const CHOSEN_SKIPS = new Set(
  /** @type {SkipReason[]} */ (["method-excluded", "not-sampled", "body-too-large", "hedge-budget"]),
);

/**
 * Returns the health of a service in a period: of its attempts, and of the requests that it lost to limits.
 *
 * @param {Span} recent
 * @param {ServiceStateSnapshot | undefined} state
 * @returns {Judgement}
 */
export function judgeService({ total: sent, aborted, succeeded, failures, skips }, state) {
  const unavailable = unavailableReason(state);
  if (unavailable !== undefined) return { health: "failing", reason: unavailable };
  const total = sent - aborted;
  const lost = lostBy(skips);
  const lostCount = lost.reduce((sum, [, count]) => sum + count, 0);
  const [[failure = ""] = []] = byCount(failures);
  const health = levelOf(succeeded, total);
  if (health === "failing") return { health, reason: `${share(total - succeeded, total)} fail: ${failure}` };
  if (lostCount > 0 && lostCount / (lostCount + total) > 1 - MIN_HEALTHY) {
    const skip = lost[0]?.[0] ?? "";
    return { health: "degraded", reason: `${share(lostCount, lostCount + total)} not sent: ${skip}`, skip };
  }
  if (health === "degraded") return { health, reason: `${share(total - succeeded, total)} fail: ${failure}` };
  return { health, reason: health === "idle" && aborted > 0 ? "all requests aborted" : HEALTH_LABELS[health] };
}

/**
 * Returns the health of a route in a period, as its clients see it. Fallbacks degrade it: the next failure
 * would reach the clients.
 *
 * @param {Span} recent
 * @returns {Judgement}
 */
export function judgeRoute({ total, succeeded, failures, fallbacks }) {
  const health = levelOf(succeeded, total);
  const [[failure = ""] = []] = byCount(failures);
  const failed = `${share(total - succeeded, total)} fail: ${failure}`;
  if (health === "failing") return { health, reason: failed };
  if (total > 0 && fallbacks / total > 1 - MIN_HEALTHY) {
    return { health: "degraded", reason: `${share(fallbacks, total)} from a fallback` };
  }
  return { health, reason: health === "degraded" ? failed : HEALTH_LABELS[health] };
}

/**
 * Returns the reason why a service gets no requests, or only a probe, because of its breaker or its health checks.
 *
 * @param {ServiceStateSnapshot | undefined} state
 * @returns {"unhealthy" | "breaker open" | "breaker half-open" | undefined}
 */
export function unavailableReason(state) {
  if (state?.health === "unhealthy") return "unhealthy";
  if (state?.breaker === "open") return "breaker open";
  if (state?.breaker === "half-open") return "breaker half-open";
  return undefined;
}

/**
 * Reports whether counts say anything about the health of a service or a route.
 *
 * @param {Span} span
 * @returns {boolean}
 */
export function hasOutcome({ total, aborted, skips }) {
  return total > aborted || lostBy(skips).length > 0;
}

/**
 * Returns the skips that lose requests, the most frequent first.
 *
 * @param {Span["skips"]} skips
 */
function lostBy(skips) {
  return byCount(skips).filter(([reason]) => !CHOSEN_SKIPS.has(reason));
}

/**
 * Returns the entries above 0, the most frequent first.
 *
 * @param {Readonly<Record<string, number>>} counts
 * @returns {[name: string, count: number][]}
 */
export function byCount(counts) {
  return Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
}

/**
 * @param {number} succeeded
 * @param {number} total
 * @returns {Health}
 */
function levelOf(succeeded, total) {
  if (total === 0) return "idle";
  const success = succeeded / total;
  if (success >= MIN_HEALTHY) return "healthy";
  return success < MIN_DEGRADED ? "failing" : "degraded";
}

/**
 * Formats a share in whole percent. Only all is "100 %".
 *
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  const percent = part === whole ? 100 : Math.min(99, Math.max(1, Math.round(part / whole * 100)));
  return `${percent}\u202f%`;
}
