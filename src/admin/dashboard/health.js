/** @import { ServiceStateSnapshot } from "../../observe/metrics_snapshot.ts" */
/** @import { Point } from "./store.js" */

/** Health of a service or of a route, in four levels. Each level has a colour, a shape and a label. */

/** @typedef {"idle" | "healthy" | "degraded" | "failing"} Health */

/** Labels of the levels. @type {Readonly<Record<Health, string>>} */
export const HEALTH_LABELS = { idle: "no traffic", healthy: "healthy", degraded: "degraded", failing: "failing" };

/** Minimum success ratio of the level "healthy". */
const MIN_HEALTHY = 0.99;

/** Minimum success ratio of the level "degraded". */
const MIN_DEGRADED = 0.9;

/**
 * Returns the health in the last few seconds.
 *
 * @param {Point | undefined} point
 * @returns {Health}
 */
export function healthOf(point) {
  if (point === undefined || Number.isNaN(point.success)) return "idle";
  if (point.success >= MIN_HEALTHY) return "healthy";
  return point.success < MIN_DEGRADED ? "failing" : "degraded";
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
