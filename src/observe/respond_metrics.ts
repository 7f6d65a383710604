/** Answers a request for the metrics, in the format that suits whoever asks. */

import type { HeaderLine, MetricsSettings } from "../config/config.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { acceptedTypes, ClientResponse } from "../http/client_response.ts";
import { getHeader } from "../http/headers.ts";
import { metricsJson } from "./metrics_json.ts";
import type { MetricsReading } from "./metrics_reading.ts";
import { formatPrometheus, PROMETHEUS_TYPE } from "./prometheus.ts";

/** What a Prometheus server asks for; it takes plain text for either. */
const TEXT_TYPES: ReadonlySet<string> = new Set(["text/plain", "application/openmetrics-text"]);
const JSON_TYPES: ReadonlySet<string> = new Set(["application/json"]);

/** How metrics are answered. */
export interface RespondMetricsOptions extends Pick<MetricsSettings, "enablePrometheus"> {
  /**
   * The clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/**
 * Answers with Prometheus text or with JSON, as the request's `Accept` prefers, else as configured. GET and HEAD only.
 *
 * @param request The request.
 * @param reading What to show.
 * @param options What to answer where the request leaves that open.
 * @returns The response: 200, or 405 for another method.
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
  if (method === "HEAD") return new ClientResponse(200, headers, null);
  const body = isText ? formatPrometheus(reading) : JSON.stringify(metricsJson(reading, now())) + "\n";
  return new ClientResponse(200, headers, body);
}

/** Parameters but `q` are not looked at: Prometheus names a version for each of the formats that it can read. */
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
