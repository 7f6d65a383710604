/** @import { Health } from "./health.js" */
import { svg } from "./dom.js";

/** A shape for each step of health, so that colour is never the only sign. */

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
