/** @import { Point } from "./store.js" */
import { set, svg } from "./dom.js";
import { REMEMBERED_MS } from "./store.js";

/** Small charts over the last minutes. They are pictures of figures that stand beside them, so readers are spared them. */

const WIDTH = 200;
const HEIGHT = 40;

/** Room for half a line at the top and at the bottom. */
const INSET = 1.5;

/** The charts show at least this long, so that the first seconds are no cliff. */
const SHORTEST_MS = 60_000;

/** Where no point came for this long, the line has a gap. */
const GAP_MS = 4_000;

/**
 * Says how long a time the charts show.
 *
 * @param {readonly Point[]} points The points of a course, oldest first.
 * @returns {number} Milliseconds.
 */
export function shownMs(points) {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return SHORTEST_MS;
  return Math.min(REMEMBERED_MS, Math.max(SHORTEST_MS, last.timeMs - first.timeMs));
}

/** @typedef {(point: Point) => number} Read Reads one figure from a point; `NaN` leaves a gap. */

/**
 * @typedef {object} Line One line of a chart.
 * @property {Read} read What it shows.
 * @property {string} name Its class.
 * @property {"line" | "below" | "above"} [fill] Whether it is a line, or the area below or above it is filled, too.
 */

/**
 * Reads a success share so that small losses show: the way from the top is the root of what was lost.
 *
 * @type {Read}
 */
export function lossless(point) {
  return 1 - Math.sqrt(1 - point.success);
}

/** One small chart. */
export class Chart {
  /** The chart, to be put somewhere. */
  element = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  /** @type {readonly { line: Line, stroke: SVGPathElement, area: SVGPathElement }[]} */
  #lines;

  /** @param {readonly Line[]} lines Its lines, the uppermost last. */
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
   * Draws the chart anew.
   *
   * @param {readonly Point[]} points The course, oldest first.
   * @param {{ spanMs: number, top: number }} scale How long a time, and up to which value.
   */
  update(points, { spanMs, top }) {
    const endMs = points.at(-1)?.timeMs ?? 0;
    for (const { line, stroke, area } of this.#lines) {
      const runs = runsOf(points, line.read, (timeMs) => (1 - (endMs - timeMs) / spanMs) * WIDTH, top);
      set(stroke, { d: runs.map((run) => `M${run.join("L")}`).join("") });
      if (line.fill === undefined || line.fill === "line") continue;
      const base = line.fill === "below" ? HEIGHT : INSET;
      set(area, { d: runs.map((run) => closed(run, base)).join("") });
    }
  }
}

/**
 * @param {readonly Point[]} points The course.
 * @param {Read} read The figure.
 * @param {(timeMs: number) => number} x Where a time is.
 * @param {number} top The highest value.
 * @returns {string[][]} The line in pieces, each the places of its points.
 */
function runsOf(points, read, x, top) {
  /** @type {string[][]} */
  const runs = [];
  let lastMs = -Infinity;
  for (const point of points) {
    const value = read(point);
    const at = x(point.timeMs);
    if (Number.isNaN(value) || at < 0) continue;
    if (point.timeMs - lastMs > GAP_MS) runs.push([]);
    lastMs = point.timeMs;
    const y = HEIGHT - INSET - Math.min(1, value / top) * (HEIGHT - 2 * INSET);
    runs.at(-1)?.push(`${at.toFixed(1)} ${y.toFixed(1)}`);
  }
  return runs;
}

/**
 * @param {readonly string[]} run The places of a line's points.
 * @param {number} base Where its area ends.
 * @returns {string} The area's outline.
 */
function closed(run, base) {
  const first = run[0]?.split(" ")[0];
  const last = run.at(-1)?.split(" ")[0];
  return `M${first} ${base}L${run.join("L")}L${last} ${base}Z`;
}
