/** Every metric that Prometheus is told of, once: the text and the table in the README are made from it. */

import type { HistogramSnapshot, RouteSnapshot, ServiceSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";
import type { MetricsReading } from "./metrics_reading.ts";
import { VERSION } from "../lib/version.ts";

/** A value under its labels, in the order of the family's. */
export type Sample = readonly [labels: readonly string[], value: number | HistogramSnapshot];

/** One metric. */
export interface MetricFamily {
  /** Its name. */
  readonly name: string;
  /** Counters only rise; gauges do not only rise; histograms have buckets. */
  readonly type: "counter" | "gauge" | "histogram";
  /** The names of its labels. */
  readonly labels: readonly string[];
  /** What it says, in one sentence. */
  readonly help: string;
  /** Its values; none where it does not apply. */
  readonly read: (reading: MetricsReading) => readonly Sample[];
}

const ROUTE = ["route"];
const SERVICE = ["route", "service", "role"];

/** All metrics, in the order in which they are written. */
export const METRIC_FAMILIES: readonly MetricFamily[] = [
  byRoute("conductor_requests_total", "Answers to clients, by the first digit of their status; 499 where one left.", {
    label: "code",
    read: ({ responses }) => responses,
  }),
  byRoute("conductor_fallbacks_total", "Answers that came from another service than a primary.", {
    read: ({ fallbacks }) => fallbacks,
  }),
  byRoute(
    "conductor_own_answers_total",
    "Answers that conductor gave itself, 502 where all services failed included.",
    {
      read: ({ ownAnswers }) => ownAnswers,
    },
  ),
  byRoute("conductor_refused_requests_total", "Requests refused by a limit, by reason.", {
    label: "reason",
    read: ({ refusals }) => refusals,
  }),
  byRoute("conductor_interrupted_responses_total", "Responses of services that broke off after their head.", {
    read: ({ interrupted }) => interrupted,
  }),
  byRoute("conductor_request_bytes_total", "Bytes of request bodies that were read from clients.", {
    read: ({ requestBytes }) => requestBytes,
  }),
  byRoute("conductor_response_bytes_total", "Bytes of services' response bodies that were passed on to clients.", {
    read: ({ responseBytes }) => responseBytes,
  }),
  byRoute("conductor_requests_in_flight", "Requests that have not been answered.", {
    read: ({ inFlight }) => inFlight,
  }),
  byRoute("conductor_request_duration_seconds", "From a request's arrival until its answer was decided.", {
    read: ({ duration }) => duration,
  }),
  byService("conductor_service_responses_total", "Responses of services, by the first digit of their status.", {
    label: "code",
    read: ({ responses }) => responses,
  }),
  byService("conductor_service_failed_responses_total", "Responses of services that count as a failure, see failOn.", {
    read: ({ failedResponses }) => failedResponses,
  }),
  byService("conductor_service_failures_total", "Attempts without a response, by what went wrong.", {
    label: "kind",
    read: ({ failures }) => failures,
  }),
  byService("conductor_service_skips_total", "Requests that a service was not sent, by the reason.", {
    label: "reason",
    read: ({ skips }) => skips,
  }),
  byService("conductor_service_selected_total", "Responses of services that were a client's answer.", {
    read: ({ selected }) => selected,
  }),
  byService("conductor_service_hedges_total", "Attempts that had been held back first.", {
    read: ({ hedges }) => hedges.sent,
  }),
  byService("conductor_service_hedges_won_total", "Of those the ones whose response was a client's answer.", {
    read: ({ hedges }) => hedges.won,
  }),
  byService("conductor_service_attempts_in_flight", "Attempts that have started and not settled.", {
    read: ({ inFlight }) => inFlight,
  }),
  byService(
    "conductor_service_attempt_duration_seconds",
    "From an attempt's start until it settled; without those that were given up or never sent.",
    { read: ({ duration }) => duration },
  ),
  {
    name: "conductor_comparisons_total",
    type: "counter",
    labels: ["route", "service", "result"],
    help: "Answers that were compared with the primary's; noise where the primary was compared with itself.",
    read: ({ metrics }) => {
      return metrics.services.flatMap((row) => samplesOf([row.route, row.service], row.comparisons));
    },
  },
  {
    name: "conductor_not_comparable_total",
    type: "counter",
    labels: ["route", "service", "reason"],
    help: "Responses that were not comparable with the primary's, by reason.",
    read: ({ metrics }) => {
      return metrics.services.flatMap((row) => samplesOf([row.route, row.service], row.notComparable));
    },
  },
  ofStates("conductor_breaker_state", "1 for the state that a service's circuit breaker is in, else 0.", {
    states: ["closed", "half-open", "open"],
    read: ({ breaker }) => breaker,
  }),
  ofStates("conductor_health_state", "1 for what a service's health checks say, else 0.", {
    states: ["healthy", "unhealthy"],
    read: ({ health }) => health,
  }),
  {
    name: "conductor_build_info",
    type: "gauge",
    labels: ["version"],
    help: "1 for the version that runs.",
    read: () => [[[VERSION], 1]],
  },
  single("conductor_start_time_seconds", "When counting began, in seconds since 1970.", ({ metrics }) => {
    return metrics.startedMs / 1_000;
  }),
  single("conductor_last_request_time_seconds", "When the last request arrived, in seconds since 1970.", (reading) => {
    return reading.metrics.lastRequestMs === 0 ? undefined : reading.metrics.lastRequestMs / 1_000;
  }),
  single("conductor_workers", "Threads that serve.", ({ workers }) => workers?.count),
  single("conductor_worker_crashes_total", "Threads that were lost.", ({ workers }) => workers?.crashes),
  single("process_resident_memory_bytes", "Memory that is not swapped out, in bytes.", (reading) => {
    return reading.process?.residentBytes;
  }),
  single("process_open_fds", "Open file descriptors; needs to look at /proc.", (reading) => {
    return reading.process?.descriptors;
  }),
];

/** What a route or service says: one value, or one for each value of a further label. */
interface Reader<T, V> {
  readonly label?: string;
  readonly read: (row: T) => V;
}

type Value = number | HistogramSnapshot | Readonly<Record<string, number>>;

function byRoute(name: string, help: string, { label, read }: Reader<RouteSnapshot, Value>): MetricFamily {
  const labels = label === undefined ? ROUTE : [...ROUTE, label];
  return {
    ...{ name, help, labels, type: typeOf(name) },
    read: ({ metrics }) => metrics.routes.flatMap((row) => samplesOf([row.route], read(row))),
  };
}

function byService(name: string, help: string, { label, read }: Reader<ServiceSnapshot, Value>): MetricFamily {
  const labels = label === undefined ? SERVICE : [...SERVICE, label];
  return {
    ...{ name, help, labels, type: typeOf(name) },
    read: ({ metrics }) => {
      return metrics.services.flatMap((row) => samplesOf([row.route, row.service, row.role], read(row)));
    },
  };
}

function samplesOf(labels: readonly string[], value: Value): Sample[] {
  if (typeof value === "number" || isHistogram(value)) return [[labels, value]];
  return Object.entries(value).map(([key, count]) => [[...labels, key], count]);
}

interface States {
  readonly states: readonly string[];
  readonly read: (row: ServiceStateSnapshot) => string | undefined;
}

function ofStates(name: string, help: string, { states, read }: States): MetricFamily {
  return {
    ...{ name, help, labels: ["service", "state"], type: "gauge" },
    read: ({ metrics }) => {
      const known = metrics.states.filter((row) => read(row) !== undefined);
      return known.flatMap((row) =>
        states.map((state) => [[row.service, state], read(row) === state ? 1 : 0] as const)
      );
    },
  };
}

function single(name: string, help: string, read: (reading: MetricsReading) => number | undefined): MetricFamily {
  return {
    ...{ name, help, labels: [], type: typeOf(name) },
    read: (reading) => {
      const value = read(reading);
      return value === undefined ? [] : [[[], value]];
    },
  };
}

function typeOf(name: string): MetricFamily["type"] {
  if (name.endsWith("_total")) return "counter";
  return name.endsWith("_duration_seconds") ? "histogram" : "gauge";
}

function isHistogram(value: object): value is HistogramSnapshot {
  return "counts" in value;
}
