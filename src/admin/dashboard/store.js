/** @import { Percentiles } from "../../lib/latency_counts.ts" */
/** @import { ExchangesView, StateView } from "../api.ts" */
/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
/** @import { Span } from "./rates.js" */
import { hasOutcome } from "./health.js";
import { NOT_SENT_KINDS } from "./outcomes.js";
import { mergeSpans, routeSpan, serviceSpan, spanBetween } from "./rates.js";

/** Data of the page: time series of the counters over the last minutes, and the recent exchanges. */

/** Length of the time series. */
export const HISTORY_MS = 5 * 60_000;

/** Period of rates and ratios: short enough to follow a change, long enough to be steady. */
const WINDOW_SECONDS = 5;

/** Time for which an outcome counts if there is no newer one: a failing service with little traffic remains failing. */
export const KEPT_OUTCOME_MS = 60_000;

/** Minimum time between two readings. The first two states can be closer, which is too short for a rate. */
const MIN_SECONDS = 0.5;

/** Maximum delay of an exchange: it is published up to 5 s after its response, and transferred after that. */
const MAX_PUBLICATION_MS = 6_000;

/** Maximum number of exchanges that the page keeps. */
const MAX_EXCHANGES = 400;

/**
 * @typedef {object} Point Values of the last {@linkcode WINDOW_SECONDS} seconds; of fewer after the start.
 * @property {number} timeMs Time, in milliseconds since 1970.
 * @property {number} seconds Length of the period.
 * @property {number} rate Requests or attempts per second.
 * @property {number} success Success ratio, 0 to 1; `NaN` without requests.
 * @property {number} p50 Median duration of the last 10 to 20 seconds in milliseconds; `NaN` without durations.
 * @property {number} p95 95th percentile of the durations.
 * @property {number} p99 99th percentile of the durations.
 * @property {number} max Longest duration.
 * @property {number} inFlight Requests or attempts in flight at this time.
 */

/** Time series of one route, one service, one service on one route, or of all requests. */
export class Series {
  /** @type {Point[]} The oldest first. */
  points = [];
  /** @type {Span} Counts of the newest point. */
  recent = mergeSpans([], 0);
  /** @type {Span} Counts of the newest period with an outcome; of the newest point after a minute without one. */
  active = this.recent;
  #activeMs = 0;
  /** @type {Span[]} */
  #window = [];
  #historyMs;

  /** @param {number} [historyMs] Time for which points are kept. */
  constructor(historyMs = HISTORY_MS) {
    this.#historyMs = historyMs;
  }

  /** @returns {Point | undefined} */
  get latest() {
    return this.points.at(-1);
  }

  /**
   * Adds a point.
   *
   * @param {Span} span Counts since the last point.
   * @param {{ timeMs: number, inFlight: number, latency: Percentiles }} reading
   */
  add(span, { timeMs, inFlight, latency }) {
    this.#window.push(span);
    let seconds = this.#window.reduce((total, { seconds }) => total + seconds, 0);
    while (this.#window.length > 1 && seconds > WINDOW_SECONDS + 0.5) seconds -= this.#window.shift()?.seconds ?? 0;
    const recent = mergeSpans(this.#window, seconds);
    this.recent = recent;
    if (hasOutcome(recent) || timeMs - this.#activeMs > KEPT_OUTCOME_MS) {
      this.active = recent;
      this.#activeMs = timeMs;
    }
    this.points.push({
      timeMs,
      seconds,
      rate: recent.total / seconds,
      success: recent.total === recent.aborted ? NaN : recent.succeeded / (recent.total - recent.aborted),
      p50: latency.p50Ms ?? NaN,
      p95: latency.p95Ms ?? NaN,
      p99: latency.p99Ms ?? NaN,
      max: latency.maxMs ?? NaN,
      inFlight,
    });
    while (this.points[0] !== undefined && this.points[0].timeMs < timeMs - this.#historyMs) this.points.shift();
  }
}

/** @typedef {{ attempt: AttemptRecord, exchange: ExchangeRecord }} LastFailure A failed attempt, and its exchange. */

/** @typedef {{ span: Span, inFlight: number, latency: Percentiles }} Counters */
/** @typedef {Map<string, Counters>} Reading All counters at one time, by the key of their series. */

/** All data of the page. */
export class Store {
  /** @type {StateView | undefined} The newest state. */
  state;
  /** @type {ExchangeRecord[]} By the arrival of their requests, the newest first. */
  exchanges = [];
  /** @type {Map<string, Series>} */
  #series = new Map();
  /** @type {{ reading: Reading, timeMs: number } | undefined} */
  #before;
  /** @type {ExchangesView[]} Exchanges from before the first state. Their order of attempts depends on its routes. */
  #early = [];
  /** @type {Map<string, LastFailure>} By service. */
  #lastFailures = new Map();
  /** @type {number[]} Arrival times of the last recorded exchanges. */
  #recordedMs = [];

  /** @param {StateView} state */
  addState(state) {
    const last = this.state;
    // Counters that started after the last state belong to another process.
    if (last !== undefined && state.metrics.startedMs > last.timeMs) this.#clear();
    const before = this.#before;
    const seconds = before === undefined ? Infinity : (state.timeMs - before.timeMs) / 1_000;
    if (seconds >= MIN_SECONDS) {
      const reading = readCounters(state);
      if (before !== undefined) {
        for (const [key, { span, inFlight, latency }] of reading) {
          const earlier = before.reading.get(key)?.span ?? mergeSpans([], 0);
          this.series(key).add(spanBetween(earlier, span, seconds), { timeMs: state.timeMs, inFlight, latency });
        }
      }
      this.#before = { reading, timeMs: state.timeMs };
    }
    this.state = state;
    for (const view of this.#early.splice(0)) this.addExchanges(view);
  }

  /**
   * Adds exchanges, and returns the new ones, the oldest first.
   *
   * @param {ExchangesView} view
   * @returns {ExchangeRecord[]}
   */
  addExchanges(view) {
    if (this.state === undefined) {
      this.#early.push(view);
      return [];
    }
    const known = new Set(this.exchanges.map(({ id }) => id));
    const added = view.exchanges.filter(({ id }) => !known.has(id)).map((exchange) =>
      this.#withSortedAttempts(exchange)
    );
    // An exchange is published when its last shadow request has settled, so they do not arrive in their order.
    this.exchanges = [...added, ...this.exchanges].sort(byArrival).slice(0, MAX_EXCHANGES);
    for (const exchange of added) this.#noteFailures(exchange);
    this.#recordedMs = [...this.#recordedMs, ...added.map(({ timeMs }) => timeMs)].slice(-2_000);
    return added;
  }

  /**
   * Returns the rates of recorded and of all requests; `undefined` if all are recorded. Under load only a sample is.
   *
   * @returns {{ recordedPerSecond: number, totalPerSecond: number } | undefined}
   */
  sampling() {
    const { points, latest } = this.series(TOTAL);
    const point = points.findLast(({ timeMs }) => timeMs <= (latest?.timeMs ?? 0) - MAX_PUBLICATION_MS);
    if (point === undefined || point.rate < 10) return undefined;
    const fromMs = point.timeMs - point.seconds * 1_000;
    const recorded = this.#recordedMs.filter((timeMs) => timeMs > fromMs && timeMs <= point.timeMs).length;
    const recordedPerSecond = recorded / point.seconds;
    return recordedPerSecond < point.rate * 0.7 ? { recordedPerSecond, totalPerSecond: point.rate } : undefined;
  }

  /**
   * Returns a series, which may be empty.
   *
   * @param {string} key {@linkcode TOTAL}, or a key from one of the functions below.
   * @returns {Series}
   */
  series(key) {
    let series = this.#series.get(key);
    // No chart shows one service on one route, and there are many of those.
    if (series === undefined) this.#series.set(key, series = new Series(key.startsWith(EDGE) ? 0 : HISTORY_MS));
    return series;
  }

  /**
   * Returns the counters of a series since the start.
   *
   * @param {string} key
   * @returns {Span}
   */
  total(key) {
    return this.#before?.reading.get(key)?.span ?? mergeSpans([], 0);
  }

  /**
   * Returns the last failed attempt of a service among the recorded exchanges.
   *
   * @param {string} service
   * @returns {LastFailure | undefined}
   */
  lastFailure(service) {
    return this.#lastFailures.get(service);
  }

  /** @param {ExchangeRecord} exchange */
  #noteFailures(exchange) {
    for (const attempt of exchange.attempts) {
      if (attempt.success !== false || attempt.failure === "aborted" || NOT_SENT_KINDS.has(attempt.failure ?? "")) {
        continue;
      }
      const last = this.#lastFailures.get(attempt.service);
      if (last === undefined || last.exchange.timeMs <= exchange.timeMs) {
        this.#lastFailures.set(attempt.service, { attempt, exchange });
      }
    }
  }

  /**
   * Sorts the attempts of an exchange by their start, in whole milliseconds, then by the order of the configuration.
   * Attempts that were not sent are last.
   *
   * @param {ExchangeRecord} exchange
   * @returns {ExchangeRecord}
   */
  #withSortedAttempts(exchange) {
    const members = this.state?.routes.find(({ route }) => route === exchange.route)?.members ?? [];
    const indexOf = (/** @type {string} */ name) => members.findIndex(({ service }) => service === name);
    const startOf = (/** @type {AttemptRecord} */ { startMs }) =>
      startMs === undefined ? Infinity : Math.floor(startMs);
    const attempts = exchange.attempts.toSorted((a, b) => {
      const [start, otherStart] = [startOf(a), startOf(b)];
      return start === otherStart ? indexOf(a.service) - indexOf(b.service) : start - otherStart;
    });
    return { ...exchange, attempts };
  }

  #clear() {
    this.#series.clear();
    this.#before = undefined;
    this.exchanges = [];
    this.#lastFailures.clear();
    this.#recordedMs = [];
  }
}

const EDGE = "edge\n";

/** Key of the series of all requests. */
export const TOTAL = "total";

/**
 * Returns the key of the series of a route.
 *
 * @param {string} route
 * @returns {string}
 */
export function routeKey(route) {
  return `route\n${route}`;
}

/**
 * Returns the key of the series of a service.
 *
 * @param {string} service
 * @returns {string}
 */
export function serviceKey(service) {
  return `service\n${service}`;
}

/**
 * Returns the key of the series of a service on a route.
 *
 * @param {string} route
 * @param {string} service
 * @returns {string}
 */
export function edgeKey(route, service) {
  return `${EDGE}${route}\n${service}`;
}

/**
 * @param {ExchangeRecord} a
 * @param {ExchangeRecord} b
 */
function byArrival(a, b) {
  return b.timeMs - a.timeMs || b.id - a.id;
}

/**
 * @param {StateView} state
 * @returns {Reading}
 */
function readCounters({ metrics, services, total }) {
  /** @type {Reading} */
  const reading = new Map([[TOTAL, { span: mergeSpans([], 0), inFlight: 0, latency: total }]]);
  for (const { name, ...latency } of services) {
    reading.set(serviceKey(name), { span: mergeSpans([], 0), inFlight: 0, latency });
  }
  for (const route of metrics.routes) {
    const span = routeSpan(route);
    addTo(reading, TOTAL, { ...route, span });
    reading.set(routeKey(route.route), { span, inFlight: route.inFlight, latency: route });
  }
  for (const service of metrics.services) {
    const span = serviceSpan(service);
    addTo(reading, serviceKey(service.service), { ...service, span });
    const key = edgeKey(service.route, service.service);
    // A crashed worker may have known the service with another role.
    if (reading.has(key)) addTo(reading, key, { ...service, span });
    else reading.set(key, { span, inFlight: service.inFlight, latency: service });
  }
  return reading;
}

/**
 * Adds counters to those of a key. The percentiles cannot be added up: those of the key stay.
 *
 * @param {Reading} reading
 * @param {string} key
 * @param {Pick<Counters, "span" | "inFlight">} added
 */
function addTo(reading, key, { span, inFlight }) {
  const present = reading.get(key);
  if (present === undefined) return;
  const total = { span: mergeSpans([present.span, span], 0), inFlight: present.inFlight + inFlight };
  reading.set(key, { ...present, ...total });
}
