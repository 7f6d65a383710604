/** Responses to requests for the metrics, in the format that the client accepts. */

import type { HeaderLine, MetricsSettings } from "../config/config.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { acceptedTypes, ClientResponse, unknownLength } from "../http/client_response.ts";
import { getHeader } from "../http/headers.ts";
import { metricsJson } from "./metrics_json.ts";
import type { MetricsReading } from "./metrics_snapshot.ts";
import { formatPrometheus, PROMETHEUS_TYPE } from "./metric_families.ts";

/** Types that a Prometheus server accepts. It reads plain text for both. */
const TEXT_TYPES: ReadonlySet<string> = new Set(["text/plain", "application/openmetrics-text"]);
const JSON_TYPES: ReadonlySet<string> = new Set(["application/json"]);

/** Options of {@linkcode respondMetrics}. */
export interface RespondMetricsOptions extends Pick<MetricsSettings, "enablePrometheus"> {
  /**
   * Clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/**
 * Responds with Prometheus text or JSON, as the `Accept` of the request prefers, otherwise as configured. Methods other
 * than GET and HEAD get 405.
 */
export function respondMetrics(
  request: Pick<ClientRequest, "method" | "headers">,
  reading: MetricsReading,
  options: RespondMetricsOptions,
): ClientResponse {
  const { enablePrometheus, now = Date.now } = options;
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return new ClientResponse(405, [["allow", "GET, HEAD"], ["cache-control", "no-store"]], null);
  }
  const isText = prefersText(acceptedTypes(getHeader(request.headers, "accept")), enablePrometheus);
  const headers: HeaderLine[] = [
    ["content-type", isText ? PROMETHEUS_TYPE : "application/json"],
    ["cache-control", "no-store"],
    ["vary", "accept"],
  ];
  if (method === "HEAD") return new ClientResponse(200, headers, unknownLength());
  const body = isText ? formatPrometheus(reading) : JSON.stringify(metricsJson(reading, now())) + "\n";
  return new ClientResponse(200, headers, body);
}

/**
 * Ignores parameters other than `q`: Prometheus sends a version with each format, and reads version 0.0.4 in any case.
 */
function prefersText(accept: string, isDefault: boolean): boolean {
  let [text, json] = [0, 0];
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    if (TEXT_TYPES.has(type)) text = Math.max(text, Number(weight) || 0);
    if (JSON_TYPES.has(type)) json = Math.max(json, Number(weight) || 0);
  }
  return text === json ? isDefault : text > json;
}
