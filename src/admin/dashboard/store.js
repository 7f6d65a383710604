/** @import { ExchangesView, StateView } from "../api.ts" */
/** @import { ExchangeRecord } from "../../observe/exchange_record.ts" */
/** @import { Span } from "./rates.js" */
import { difference, quantile, routeSpan, serviceSpan, together } from "./rates.js";

/** What the page remembers: the counters' course over the last minutes, and the recent exchanges. */

/** How far back the charts go, in milliseconds. */
export const REMEMBERED_MS = 5 * 60_000;

/** Rates, shares and percentiles are of this many seconds: short enough to follow, long enough to be steady. */
const WINDOW_SECONDS = 5;

/** States come each second, but for the first one: in less time than this too little happens to say how often it does. */
const SHORTEST_SECONDS = 0.5;

/** An exchange is listed when its last attempt has settled, or 5 s after its answer; it travels for a moment, too. */
const LISTED_WITHIN_MS = 6_000;

/** How many exchanges are kept. */
const MAX_EXCHANGES = 400;

/**
 * @typedef {object} Point The last few seconds, as seen at one moment.
 * @property {number} timeMs When, in milliseconds since 1970.
 * @property {number} rate Requests or attempts per second.
 * @property {number} success The share that succeeded; `NaN` where there were none.
 * @property {number} p50 The median duration in milliseconds; `NaN` where there was none.
 * @property {number} p95 95 % took no longer.
 * @property {number} p99 99 % took no longer.
 * @property {number} inFlight How many had not ended at that moment.
 */

/** The course of one route, one service, one service on one route, or of everything. */
export class Series {
  /** @type {Point[]} Oldest first. */
  points = [];
  /** @type {Span} What the newest point is made of. */
  recent = together([], 0);
  /** @type {Span[]} */
  #window = [];

  /** @returns {Point | undefined} The newest point. */
  get latest() {
    return this.points.at(-1);
  }

  /**
   * Adds what was counted since the last point.
   *
   * @param {Span} span The counts.
   * @param {{ timeMs: number, inFlight: number, boundsMs: readonly number[] }} moment When, and what runs then.
   */
  add(span, { timeMs, inFlight, boundsMs }) {
    this.#window.push(span);
    let seconds = this.#window.reduce((all, { seconds }) => all + seconds, 0);
    while (this.#window.length > 1 && seconds > WINDOW_SECONDS + 0.5) seconds -= this.#window.shift()?.seconds ?? 0;
    const recent = together(this.#window, seconds);
    this.recent = recent;
    this.points.push({
      timeMs,
      rate: recent.total / seconds,
      success: recent.total === 0 ? NaN : recent.good / recent.total,
      p50: quantile(recent.counts, boundsMs, 0.5),
      p95: quantile(recent.counts, boundsMs, 0.95),
      p99: quantile(recent.counts, boundsMs, 0.99),
      inFlight,
    });
    while (this.points[0] !== undefined && this.points[0].timeMs < timeMs - REMEMBERED_MS) this.points.shift();
  }
}

/** @typedef {Map<string, { span: Span, inFlight: number }>} Reading All counters at one moment, by the name of their series. */

/** Everything that the page knows. */
export class Store {
  /** @type {StateView | undefined} The newest state. */
  state;
  /** @type {ExchangeRecord[]} Newest first. */
  exchanges = [];
  /** @type {Map<string, Series>} */
  #series = new Map();
  /** @type {{ reading: Reading, timeMs: number } | undefined} */
  #before;
  /** @type {ExchangesView[]} What came before anything was known of the routes. */
  #early = [];
  /** @type {number[]} When each of the last recorded exchanges began. */
  #recordedMs = [];

  /**
   * Takes in a state.
   *
   * @param {StateView} state The state.
   */
  addState(state) {
    const last = this.state;
    if (last !== undefined && state.metrics.startedMs > last.timeMs) this.#forget();
    const before = this.#before;
    const seconds = before === undefined ? Infinity : (state.timeMs - before.timeMs) / 1_000;
    if (seconds >= SHORTEST_SECONDS) {
      const reading = read(state);
      if (before !== undefined) {
        for (const [key, { span, inFlight }] of reading) {
          const earlier = before.reading.get(key)?.span ?? together([], 0);
          const moment = { timeMs: state.timeMs, inFlight, boundsMs: state.histogramBoundsMs };
          this.series(key).add(difference(earlier, span, seconds), moment);
        }
      }
      this.#before = { reading, timeMs: state.timeMs };
    }
    this.state = state;
    for (const view of this.#early.splice(0)) this.addExchanges(view);
  }

  /**
   * Takes in exchanges.
   *
   * @param {ExchangesView} view The exchanges, oldest first.
   * @returns {ExchangeRecord[]} Those that were not known, oldest first.
   */
  addExchanges(view) {
    if (this.state === undefined) {
      this.#early.push(view);
      return [];
    }
    const known = new Set(this.exchanges.map(({ id }) => id));
    const fresh = view.exchanges.filter(({ id }) => !known.has(id)).map((exchange) => this.#inOrder(exchange));
    this.exchanges = [...fresh.toReversed(), ...this.exchanges].slice(0, MAX_EXCHANGES);
    this.#recordedMs = [...this.#recordedMs, ...fresh.map(({ timeMs }) => timeMs)].slice(-2_000);
    return fresh;
  }

  /**
   * Says how many of the requests were recorded as exchanges lately. Under load only some are.
   *
   * @returns {{ perSecond: number, ofPerSecond: number } | undefined} Both rates; `undefined` where all are recorded.
   */
  sampling() {
    const { points, latest } = this.series(TOTAL);
    const point = points.findLast(({ timeMs }) => timeMs <= (latest?.timeMs ?? 0) - LISTED_WITHIN_MS);
    if (point === undefined || point.rate < 10) return undefined;
    const fromMs = point.timeMs - WINDOW_SECONDS * 1_000;
    const recorded = this.#recordedMs.filter((time) => time > fromMs && time <= point.timeMs).length;
    const perSecond = recorded / WINDOW_SECONDS;
    return perSecond < point.rate * 0.7 ? { perSecond, ofPerSecond: point.rate } : undefined;
  }

  /**
   * Returns a course.
   *
   * @param {string} key {@linkcode TOTAL}, or what the functions below make of names.
   * @returns {Series} The course, which may be empty.
   */
  series(key) {
    let series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, series = new Series());
    return series;
  }

  /**
   * @param {ExchangeRecord} exchange An exchange, its attempts as they came.
   * @returns {ExchangeRecord} The same, its attempts in the order of the configuration.
   */
  #inOrder(exchange) {
    const members = this.state?.routes.find(({ route }) => route === exchange.route)?.members ?? [];
    const place = (/** @type {string} */ name) => members.findIndex(({ service }) => service === name);
    const attempts = exchange.attempts.toSorted((a, b) => place(a.service) - place(b.service));
    return { ...exchange, attempts };
  }

  #forget() {
    this.#series.clear();
    this.#before = undefined;
    this.exchanges = [];
    this.#recordedMs = [];
  }
}

/** The series of all requests. */
export const TOTAL = "total";

/**
 * Names the series of a route.
 *
 * @param {string} route The pattern.
 * @returns {string} The key.
 */
export function routeKey(route) {
  return `route\n${route}`;
}

/**
 * Names the series of a service.
 *
 * @param {string} service Its name.
 * @returns {string} The key.
 */
export function serviceKey(service) {
  return `service\n${service}`;
}

/**
 * Names the series of a service on a route.
 *
 * @param {string} route The pattern.
 * @param {string} service The service's name.
 * @returns {string} The key.
 */
export function edgeKey(route, service) {
  return `edge\n${route}\n${service}`;
}

/**
 * @param {StateView} state The counters.
 * @returns {Reading} All of them, by series.
 */
function read({ metrics }) {
  /** @type {Reading} */
  const reading = new Map([[TOTAL, { span: together([], 0), inFlight: 0 }]]);
  for (const route of metrics.routes) {
    accumulate(reading, TOTAL, routeSpan(route), route.inFlight);
    accumulate(reading, routeKey(route.route), routeSpan(route), route.inFlight);
  }
  for (const service of metrics.services) {
    accumulate(reading, serviceKey(service.service), serviceSpan(service), service.inFlight);
    accumulate(reading, edgeKey(service.route, service.service), serviceSpan(service), service.inFlight);
  }
  return reading;
}

/**
 * @param {Reading} reading Where to add.
 * @param {string} key The series.
 * @param {Span} span What to add.
 * @param {number} inFlight How many run.
 */
function accumulate(reading, key, span, inFlight) {
  const present = reading.get(key);
  reading.set(
    key,
    present === undefined
      ? { span, inFlight }
      : { span: together([present.span, span], 0), inFlight: present.inFlight + inFlight },
  );
}
