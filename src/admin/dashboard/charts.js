/** @import { Point } from "./store.js" */
import { set, svg } from "./dom.js";
import { HISTORY_MS } from "./store.js";

/** Small charts of the last minutes. They are hidden from screen readers, because the values stand beside them as text. */

const WIDTH = 200;
const HEIGHT = 40;

/** Space for half the width of a line, at the top and at the bottom. */
const INSET = 1.5;

/** Minimum time span of a chart. A chart of the first seconds would look like a cliff. */
const MIN_SPAN_MS = 60_000;

/** Time without a point after which a line has a gap. */
const GAP_MS = 4_000;

/** @typedef {(point: Point) => number} ValueOf Returns one value of a point; `NaN` leaves a gap. */

/**
 * @typedef {object} Line One line of a chart.
 * @property {ValueOf} valueOf Value that the line shows.
 * @property {string} name Class of the line.
 * @property {"below" | "above"} [fill] Area that is filled; default: none.
 */

/**
 * Returns the time span of the charts, in milliseconds.
 *
 * @param {readonly Point[]} points The oldest first.
 * @returns {number}
 */
export function chartSpanMs(points) {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return MIN_SPAN_MS;
  return Math.min(HISTORY_MS, Math.max(MIN_SPAN_MS, last.timeMs - first.timeMs));
}

/**
 * Scales a ratio so that small losses are visible: the distance from 1 is the square root of the loss.
 *
 * @param {number} ratio 0 to 1.
 * @returns {number} 0 to 1.
 */
export function magnifyLoss(ratio) {
  return 1 - Math.sqrt(1 - ratio);
}

/** A small line chart. */
export class Chart {
  element = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  /** @type {readonly { line: Line, stroke: SVGPathElement, area: SVGPathElement }[]} */
  #lines;

  /** @param {readonly Line[]} lines The topmost last. */
  constructor(lines) {
    this.element.append(svg("path", { class: "chart-rule", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }));
    this.#lines = lines.map((line) => {
      const area = svg("path", { class: `chart-area ${line.name}` });
      const stroke = svg("path", { class: `chart-line ${line.name}` });
      this.element.append(area, stroke);
      return { line, stroke, area };
    });
  }

  /**
   * @param {readonly Point[]} points The oldest first.
   * @param {{ spanMs: number, maxValue: number }} scale
   */
  update(points, { spanMs, maxValue }) {
    const endMs = points.at(-1)?.timeMs ?? 0;
    const x = (/** @type {number} */ timeMs) => (1 - (endMs - timeMs) / spanMs) * WIDTH;
    const y = (/** @type {number} */ value) => HEIGHT - INSET - Math.min(1, value / maxValue) * (HEIGHT - 2 * INSET);
    for (const { line, stroke, area } of this.#lines) {
      const segments = segmentsOf(points, line.valueOf, { x, y });
      set(stroke, { d: segments.map((segment) => `M${segment.join("L")}`).join("") });
      if (line.fill === undefined) continue;
      const base = line.fill === "below" ? HEIGHT : INSET;
      set(area, { d: segments.map((segment) => areaPath(segment, base)).join("") });
    }
  }
}

/**
 * Returns the coordinates of a line, as segments between its gaps.
 *
 * @param {readonly Point[]} points
 * @param {ValueOf} valueOf
 * @param {{ x: (timeMs: number) => number, y: (value: number) => number }} scale
 * @returns {string[][]}
 */
function segmentsOf(points, valueOf, { x, y }) {
  /** @type {string[][]} */
  const segments = [];
  let lastMs = -Infinity;
  for (const point of points) {
    const value = valueOf(point);
    const left = x(point.timeMs);
    if (Number.isNaN(value) || left < 0) continue;
    if (point.timeMs - lastMs > GAP_MS) segments.push([]);
    lastMs = point.timeMs;
    segments.at(-1)?.push(`${left.toFixed(1)} ${y(value).toFixed(1)}`);
  }
  return segments;
}

/**
 * Returns the outline of the area between a line and a base.
 *
 * @param {readonly string[]} segment
 * @param {number} base
 * @returns {string}
 */
function areaPath(segment, base) {
  const first = segment[0]?.split(" ")[0];
  const last = segment.at(-1)?.split(" ")[0];
  return `M${first} ${base}L${segment.join("L")}L${last} ${base}Z`;
}
