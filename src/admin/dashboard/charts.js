/** @import { Point } from "./store.js" */
import { ChartTooltip } from "./chart_tooltip.js";
import { html, set, setText, svg } from "./dom.js";
import { clock } from "./format.js";
import { HISTORY_MS } from "./store.js";

/** Small charts of the last minutes. The pointer, a touch or the arrow keys show the values at one time. */

const WIDTH = 200;
const HEIGHT = 40;

/** Space for half the width of a line, at the top and at the bottom. */
const INSET = 1.5;

/** Minimum time span of a chart. A chart of the first seconds would look like a cliff. */
const MIN_SPAN_MS = 60_000;

/** Time without a point after which a line has a gap. */
const GAP_MS = 4_000;

/** Maximum points of a line. More would not be visible, and drawing them takes time. */
const MAX_POINTS = 100;

/** @typedef {(point: Point) => number} ValueOf Returns one value of a point; `NaN` leaves a gap. */

/**
 * @typedef {object} Line One line of a chart.
 * @property {ValueOf} valueOf Value that the line shows.
 * @property {string} name Class of the line.
 * @property {(point: Point) => string} text Value as text, for the tooltip.
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

/**
 * @typedef {object} ChartOptions
 * @property {string} [label] Name of the chart. With a name, the arrow keys move its cursor; without, it is for pointers only.
 * @property {boolean} [hasScale] True to show the upper end of the scale.
 */

const tooltip = new ChartTooltip();

/** A small line chart. */
export class Chart {
  element = html("div", { class: "chart" });
  #svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  #cursor = html("span", { class: "chart-cursor", "aria-hidden": "true", hidden: "" });
  #scale = html("span", { class: "chart-scale", "aria-hidden": "true" });
  /** @type {readonly { line: Line, stroke: SVGPathElement, area: SVGPathElement }[]} */
  #lines;
  #label;
  /** @type {readonly Point[]} */
  #points = [];
  #spanMs = MIN_SPAN_MS;
  /** @type {number | undefined} Position of the cursor, 0 to 1 of the width. */
  #position;

  /**
   * @param {readonly Line[]} lines The topmost last.
   * @param {ChartOptions} [options]
   */
  constructor(lines, { label, hasScale = false } = {}) {
    this.#label = label;
    this.#svg.append(svg("path", { class: "chart-rule", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }));
    this.#lines = lines.map((line) => {
      const area = svg("path", { class: `chart-area ${line.name}` });
      const stroke = svg("path", { class: `chart-line ${line.name}` });
      this.#svg.append(area, stroke);
      return { line, stroke, area };
    });
    this.element.append(this.#svg, ...(hasScale ? [this.#scale] : []), this.#cursor);
    this.#listen();
  }

  /**
   * @param {readonly Point[]} points The oldest first.
   * @param {{ spanMs: number, maxValue: number, scaleText?: string }} scale
   */
  update(points, { spanMs, maxValue, scaleText = "" }) {
    this.#points = points;
    this.#spanMs = spanMs;
    const endMs = points.at(-1)?.timeMs ?? 0;
    const x = (/** @type {number} */ timeMs) => (1 - (endMs - timeMs) / spanMs) * WIDTH;
    const y = (/** @type {number} */ value) => HEIGHT - INSET - Math.min(1, value / maxValue) * (HEIGHT - 2 * INSET);
    const drawn = thinned(points);
    for (const { line, stroke, area } of this.#lines) {
      const segments = segmentsOf(drawn, line.valueOf, { x, y });
      set(stroke, { d: segments.map((segment) => `M${segment.join("L")}`).join("") });
      if (line.fill === undefined) continue;
      const base = line.fill === "below" ? HEIGHT : INSET;
      set(area, { d: segments.map((segment) => areaPath(segment, base)).join("") });
    }
    setText(this.#scale, scaleText);
    if (this.#label !== undefined) this.#describe();
    if (this.#position !== undefined) this.#point(this.#position);
  }

  #listen() {
    const { element } = this;
    const follow = (/** @type {PointerEvent} */ { clientX }) => {
      const { left, width } = element.getBoundingClientRect();
      this.#point(Math.min(1, Math.max(0, (clientX - left) / width)));
    };
    element.addEventListener("pointermove", follow);
    element.addEventListener("pointerdown", (event) => {
      follow(event);
      if (event.pointerType === "mouse") return;
      // After a touch, the tooltip remains until the next touch elsewhere.
      const end = (/** @type {PointerEvent} */ { target }) => {
        if (target instanceof Node && element.contains(target)) return;
        removeEventListener("pointerdown", end, true);
        this.#leave();
      };
      addEventListener("pointerdown", end, true);
    });
    element.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType === "mouse") this.#leave();
    });
    if (this.#label === undefined) return set(element, { "aria-hidden": "true" });
    set(element, { tabindex: 0, role: "slider", "aria-label": this.#label, "aria-valuemin": 0, "aria-valuemax": 0 });
    element.addEventListener("focus", () => {
      if (element.matches(":focus-visible")) this.#point(1);
    });
    element.addEventListener("blur", () => this.#leave());
    element.addEventListener("keydown", (event) => {
      const steps = /** @type {Readonly<Record<string, number>>} */ ({
        ArrowLeft: -1,
        ArrowRight: 1,
        PageUp: -10,
        PageDown: 10,
        Home: -Infinity,
        End: Infinity,
      })[event.key];
      if (event.key === "Escape") return this.#leave();
      const last = this.#points.length - 1;
      if (steps === undefined || last < 0) return;
      event.preventDefault();
      const index = Math.min(last, Math.max(0, this.#indexAt(this.#position ?? 1) + steps));
      const { timeMs } = /** @type {Point} */ (this.#points[index]);
      const { timeMs: endMs } = /** @type {Point} */ (this.#points[last]);
      this.#point(1 - (endMs - timeMs) / this.#spanMs);
    });
  }

  /** @param {number} position 0 to 1 of the width. */
  #point(position) {
    const point = this.#points[this.#indexAt(position)];
    if (point === undefined) return;
    this.#position = position;
    this.#cursor.hidden = false;
    this.#cursor.style.left = `${position * 100}%`;
    const { left, width } = this.element.getBoundingClientRect();
    const lines = [clock(point.timeMs).slice(0, 8), ...textsOf(this.#lines, point)];
    tooltip.show(this.element, { x: left + position * width, lines });
    if (this.#label !== undefined) this.#describe();
  }

  #leave() {
    this.#position = undefined;
    this.#cursor.hidden = true;
    tooltip.hide(this.element);
  }

  /** Describes the point at the cursor, or the newest one, for screen readers. */
  #describe() {
    const last = this.#points.length - 1;
    const index = this.#position === undefined ? last : this.#indexAt(this.#position);
    const point = this.#points[index];
    if (point === undefined) return set(this.element, { "aria-valuenow": 0, "aria-valuetext": "no data" });
    const text = [clock(point.timeMs).slice(0, 8), ...textsOf(this.#lines, point)].join(", ");
    set(this.element, { "aria-valuemax": last, "aria-valuenow": index, "aria-valuetext": text });
  }

  /**
   * Returns the index of the point that is closest to a position.
   *
   * @param {number} position
   * @returns {number}
   */
  #indexAt(position) {
    const endMs = this.#points.at(-1)?.timeMs ?? 0;
    const timeMs = endMs - (1 - position) * this.#spanMs;
    let best = this.#points.length - 1;
    for (let index = best - 1; index >= 0; index--) {
      const distance = Math.abs((this.#points[index]?.timeMs ?? 0) - timeMs);
      if (distance >= Math.abs((this.#points[best]?.timeMs ?? 0) - timeMs)) break;
      best = index;
    }
    return best;
  }
}

/**
 * Returns the values of a point as text, in the order of the legend.
 *
 * @param {readonly { line: Line }[]} lines
 * @param {Point} point
 * @returns {string[]}
 */
function textsOf(lines, point) {
  return lines.map(({ line }) => line.text(point)).toReversed();
}

/**
 * Returns the points that are drawn. A point keeps its place while newer ones arrive, so that lines do not flicker.
 *
 * @param {readonly Point[]} points
 * @returns {readonly Point[]}
 */
function thinned(points) {
  const step = Math.ceil(points.length / MAX_POINTS);
  if (step <= 1) return points;
  return points.filter(({ timeMs }, index) => index === points.length - 1 || Math.round(timeMs / 1_000) % step === 0);
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
