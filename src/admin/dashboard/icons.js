/** @import { Verdict } from "../../compare/report.ts" */
/** @import { Health } from "./health.js" */
import { svg } from "./dom.js";

/** Icons of health levels and verdicts. Each has its own shape, because colour alone is not accessible. */

/** @type {Readonly<Record<Health, string>>} */
const HEALTH_PATHS = {
  idle: "M-4 0H4",
  healthy: "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",
  degraded: "M0 -5.5L5.6 4.5H-5.6Z",
  failing: "M-4 -4L4 4M4 -4L-4 4",
};

/** @type {Readonly<Record<Verdict, string>>} */
const VERDICT_PATHS = {
  "ready": "M-4.4 0.4L-1.3 3.5L4.6 -3.3",
  "not-ready": "M-3.6 -3.6L3.6 3.6M3.6 -3.6L-3.6 3.6",
  "not-enough-traffic": "M-4.4 0H-4.4M0 0H0M4.4 0H4.4",
};

/**
 * Returns the shape of a health level: 14 by 14, around the origin.
 *
 * @param {Health} health
 * @returns {SVGPathElement}
 */
export function healthPath(health) {
  return svg("path", { class: `icon ${health}`, d: HEALTH_PATHS[health] });
}

/**
 * Returns the icon of a health level.
 *
 * @param {Health} health
 * @returns {SVGSVGElement}
 */
export function healthIcon(health) {
  return svg("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, [healthPath(health)]);
}

/**
 * Returns the icon of a verdict.
 *
 * @param {Verdict} verdict
 * @returns {SVGSVGElement}
 */
export function verdictIcon(verdict) {
  return svg("svg", { width: 22, height: 22, viewBox: "-11 -11 22 22", "aria-hidden": "true" }, [
    svg("circle", { class: "verdict-disc", r: 10 }),
    svg("path", { class: "verdict-mark", d: VERDICT_PATHS[verdict] }),
  ]);
}
