/** @import { Verdict } from "../../compare/report.ts" */
/** @import { Health } from "./health.js" */
import { svg } from "./dom.js";

/** A shape for each step of health and for each verdict, so that colour is never the only sign. */

/** @type {Readonly<Record<Health, string>>} */
const SHAPES = {
  idle: "M-4 0H4",
  good: "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",
  degraded: "M0 -5.5L5.6 4.5H-5.6Z",
  failing: "M-4 -4L4 4M4 -4L-4 4",
};

/**
 * Draws the shape, 14 by 14, around the origin.
 *
 * @param {Health} health The step.
 * @returns {SVGPathElement} The shape.
 */
export function signPath(health) {
  return svg("path", { class: `sign ${health}`, d: SHAPES[health] });
}

/**
 * Draws the shape as a picture of its own.
 *
 * @param {Health} health The step.
 * @returns {SVGSVGElement} The picture.
 */
export function signOf(health) {
  return svg("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, [signPath(health)]);
}

/** @type {Readonly<Record<Verdict, string>>} */
const VERDICT_MARKS = {
  "ready": "M-4.4 0.4L-1.3 3.5L4.6 -3.3",
  "not-ready": "M-3.6 -3.6L3.6 3.6M3.6 -3.6L-3.6 3.6",
  "not-enough-traffic": "M-4.4 0H-4.4M0 0H0M4.4 0H4.4",
};

/**
 * Draws the sign of a verdict.
 *
 * @param {Verdict} verdict The verdict.
 * @returns {SVGSVGElement} The picture.
 */
export function verdictSign(verdict) {
  return svg("svg", { width: 22, height: 22, viewBox: "-11 -11 22 22", "aria-hidden": "true" }, [
    svg("circle", { class: "verdict-disc", r: 10 }),
    svg("path", { class: "verdict-mark", d: VERDICT_MARKS[verdict] }),
  ]);
}
