/** @import { Percentiles } from "../../lib/latency_counts.ts" */
/** @import { AttemptRecord } from "../../observe/exchange_record.ts" */
/** @import { FailedCheck, ServiceStateSnapshot } from "../../observe/metrics_snapshot.ts" */
/** @import { StateView } from "../api.ts" */
/** @import { Health, Judgement } from "./health.js" */
/** @import { Span } from "./rates.js" */
/** @import { LastFailure, Series, Store } from "./store.js" */
import { clock, patternParts, printable } from "./format.js";
import { HEALTH_RANKS, judgeRoute, judgeService } from "./health.js";
import { attemptCause, plain } from "./labels.js";
import { FAILURE_LABELS, SKIP_LABELS } from "./outcomes.js";
import { edgeKey, KEPT_OUTCOME_MS, routeKey, serviceKey } from "./store.js";

/** Services and routes with their health, and the orders in which they are listed. */

/** @typedef {"service" | "route"} Kind */

/**
 * @typedef {object} Subject A service or a route.
 * @property {Kind} kind
 * @property {string} name Name of the service, or pattern of the route.
 * @property {string} label Name, printable.
 * @property {string} aside Roles of the service, or the kind of the pattern.
 * @property {string} origin Origin of the service; empty for a route.
 * @property {Health} health
 * @property {string} reason Reason of the health, for example `100 % fail: tls`.
 * @property {string} cause Cause of the last failure, or of the failed health check; empty if there is no trouble, and was none a minute ago.
 * @property {LastFailure | undefined} lastFailure Last failed attempt of a service.
 * @property {Series} series
 * @property {Span} total Counts since the start.
 * @property {Percentiles | undefined} sinceStart Percentiles since the start.
 * @property {readonly Member[]} members Routes of the service, or services of the route.
 */

/**
 * @typedef {object} Member A service on a route.
 * @property {string} name Pattern of the route, or name of the service.
 * @property {string} label Name, printable.
 * @property {string} role Role of the service on the route.
 * @property {Series} series
 */

/**
 * Orders of a list. Equal subjects keep the order of the configuration.
 *
 * @type {Readonly<Record<string, { label: string, compare: (a: Subject, b: Subject) => number }>>}
 */
export const ORDERS = {
  trouble: { label: "Trouble", compare: (a, b) => HEALTH_RANKS[a.health] - HEALTH_RANKS[b.health] },
  name: { label: "Name", compare: (a, b) => a.label < b.label ? -1 : a.label > b.label ? 1 : 0 },
  rate: { label: "Requests per second", compare: (a, b) => figure(b, "rate") - figure(a, "rate") },
  success: { label: "Success", compare: (a, b) => figure(a, "success") - figure(b, "success") },
  latency: { label: "Latency, p95", compare: (a, b) => figure(b, "p95") - figure(a, "p95") },
  total: { label: "Requests since start", compare: (a, b) => b.total.total - a.total.total },
};

/**
 * Returns all services with their health, in the order of the configuration.
 *
 * @param {Store} store
 * @param {StateView} state
 * @returns {Subject[]}
 */
export function servicesOf(store, { timeMs, services, routes, metrics }) {
  /** @type {Map<string, { route: string, role: string }[]>} */
  const memberships = new Map();
  for (const { route, members } of routes) {
    for (const { service, role } of members) {
      const known = memberships.get(service);
      if (known === undefined) memberships.set(service, [{ route, role }]);
      else known.push({ route, role });
    }
  }
  const states = new Map(metrics.states.map((state) => [state.service, state]));
  return services.map(({ name, origin, sinceStart }) => {
    const series = store.series(serviceKey(name));
    const state = states.get(name);
    const judgement = judgeService(series.active, state);
    const own = memberships.get(name) ?? [];
    const lastFailure = store.lastFailure(name);
    const inFlight = series.latest?.inFlight ?? 0;
    return {
      kind: "service",
      name,
      label: printable(name),
      aside: own.length === 0 ? "no route" : [...new Set(own.map(({ role }) => role))].join(", "),
      origin: printable(origin),
      health: judgement.health,
      reason: judgement.health === "idle" && inFlight > 0 ? "no response yet" : judgement.reason,
      cause: isInTrouble(judgement)
        ? causeOfTrouble(judgement, state, lastFailure)
        : judgement.health === "idle"
        ? earlierFailure(state, timeMs)
        : "",
      lastFailure,
      series,
      total: store.total(serviceKey(name)),
      sinceStart,
      members: own.map(({ route, role }) => {
        return { name: route, label: patternParts(route)[1], role, series: store.series(edgeKey(route, name)) };
      }),
    };
  });
}

/**
 * Returns all routes with their health, in the order of the configuration. The cause of a route in trouble is that of its
 * first service in trouble.
 *
 * @param {Store} store
 * @param {StateView} state
 * @param {readonly Subject[]} services
 * @returns {Subject[]}
 */
export function routesOf(store, { routes, metrics }, services) {
  const troubled = new Map(services.filter(isInTrouble).map((service) => [service.name, service]));
  const rows = new Map(metrics.routes.map((row) => [row.route, row]));
  return routes.map(({ route, members }) => {
    const series = store.series(routeKey(route));
    const [kind, path] = patternParts(route);
    const judgement = judgeRoute(series.active);
    const culprit = members.map(({ service }) => troubled.get(service)).find((service) => service !== undefined);
    const hasCause = culprit !== undefined && isInTrouble(judgement);
    return {
      kind: "route",
      name: route,
      label: path,
      aside: kind,
      origin: "",
      ...judgement,
      cause: hasCause ? `${culprit.label}: ${culprit.cause === "" ? culprit.reason : culprit.cause}` : "",
      lastFailure: undefined,
      series,
      total: store.total(routeKey(route)),
      sinceStart: rows.get(route)?.sinceStart,
      members: members.map(({ service, role }) => {
        return { name: service, label: printable(service), role, series: store.series(edgeKey(route, service)) };
      }),
    };
  });
}

/**
 * @param {Judgement} judgement
 * @param {ServiceStateSnapshot | undefined} state
 * @param {LastFailure | undefined} recorded
 */
function causeOfTrouble({ skip }, state, recorded) {
  // An unhealthy service gets no requests, so the last failed attempt may be old.
  if (state?.failedCheck !== undefined) return causeOfCheck(state.failedCheck);
  // Only a part of the exchanges is recorded, and only the newest ones are kept.
  if (skip === undefined) return causeOf(state?.lastFailure ?? recorded?.attempt);
  // Skips have other causes than failures.
  return plain(/** @type {Readonly<Record<string, string>>} */ (SKIP_LABELS)[skip] ?? "");
}

/**
 * Returns the failure of a service without traffic, if it is recent: a page that has just been opened has seen no request.
 *
 * @param {ServiceStateSnapshot | undefined} state
 * @param {number} nowMs
 */
function earlierFailure(state, nowMs) {
  const failure = state?.lastFailure;
  if (failure === undefined || nowMs - failure.timeMs > KEPT_OUTCOME_MS) return "";
  return `last failure at ${clock(failure.timeMs).slice(0, 8)}: ${causeOf(failure)}`;
}

/**
 * Reports whether something is failing or degraded.
 *
 * @param {{ health: Health }} subject
 * @returns {boolean}
 */
export function isInTrouble({ health }) {
  return health === "failing" || health === "degraded";
}

/**
 * Returns the cause of a failure in a few words: conductor's advice, the words of the platform, or the status.
 *
 * @param {Pick<AttemptRecord, "status" | "failure" | "cause" | "error"> | undefined} failure
 * @returns {string}
 */
export function causeOf(failure) {
  if (failure === undefined) return "";
  const text = attemptCause(failure);
  if (text !== "") return text;
  return failure.status === undefined ? failure.failure ?? "" : `response ${failure.status}`;
}

/**
 * Returns the cause of a failed health check.
 *
 * @param {FailedCheck} check
 * @returns {string}
 */
function causeOfCheck(check) {
  const { status, failure } = check;
  const label = failure === undefined ? `response ${status}` : FAILURE_LABELS[failure];
  return `health check: ${attemptCause(check) || label}`;
}

/**
 * Reports whether a subject matches a search.
 *
 * @param {Subject} subject
 * @param {string} text In lower case.
 * @returns {boolean}
 */
export function isFound({ label, aside, origin, reason, cause, members }, text) {
  return text === "" || `${label}\n${aside}\n${origin}\n${reason}\n${cause}`.toLowerCase().includes(text) ||
    members.some(({ label }) => label.toLowerCase().includes(text));
}

/**
 * Returns a figure of a subject for sorting; without traffic, one that sorts last.
 *
 * @param {Subject} subject
 * @param {"rate" | "success" | "p95"} name
 */
function figure({ series }, name) {
  const value = series.latest?.[name] ?? NaN;
  if (!Number.isNaN(value)) return value;
  return name === "success" ? 2 : -1;
}
