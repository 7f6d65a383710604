/** @import { ServiceStateSnapshot } from "../../observe/metrics_snapshot.ts" */
/** @import { Point } from "./store.js" */

/** How well something does, as four steps that each have a colour, a shape and a word. */

/** @typedef {"idle" | "good" | "degraded" | "failing"} Health */

/** What each step is called. @type {Readonly<Record<Health, string>>} */
export const HEALTH_WORDS = { idle: "no traffic", good: "healthy", degraded: "degraded", failing: "failing" };

/** From this share of successes on, all is well. */
const GOOD_FROM = 0.99;

/** Below this share, something is failing. */
const FAILING_BELOW = 0.9;

/**
 * Judges the last few seconds.
 *
 * @param {Point | undefined} point What happened in them.
 * @returns {Health} The step.
 */
export function healthOf(point) {
  if (point === undefined || Number.isNaN(point.success)) return "idle";
  if (point.success >= GOOD_FROM) return "good";
  return point.success < FAILING_BELOW ? "failing" : "degraded";
}

/**
 * Says why a service is left alone.
 *
 * @param {ServiceStateSnapshot | undefined} state Its breaker and health checks.
 * @returns {string | undefined} A few words; `undefined` where it is not.
 */
export function leftAlone(state) {
  if (state?.health === "unhealthy") return "unhealthy";
  if (state?.breaker === "open") return "breaker open";
  if (state?.breaker === "half-open") return "breaker half-open";
  return undefined;
}
