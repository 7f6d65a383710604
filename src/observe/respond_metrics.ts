/** Responses to requests for the metrics, in the format that the client accepts. */

import type { HeaderLine, MetricsSettings } from "../config/config.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { acceptedTypes, ClientResponse, unknownLength } from "../http/client_response.ts";
import { getHeader } from "../http/headers.ts";
import { metricsJson } from "./metrics_json.ts";
import type { MetricsReading } from "./metrics_snapshot.ts";
import { formatOpenMetrics, formatPrometheus, OPENMETRICS_TYPE, PROMETHEUS_TYPE } from "./metric_families.ts";

/** Format of a response. */
interface Format {
  /** Media type of the response. */
  readonly contentType: string;
  /** Returns the text of a reading. */
  readonly write: (reading: MetricsReading, nowMs: number) => string;
}

const PROMETHEUS: Format = { contentType: PROMETHEUS_TYPE, write: formatPrometheus };
const OPENMETRICS: Format = { contentType: OPENMETRICS_TYPE, write: formatOpenMetrics };
const JSON_FORMAT: Format = {
  contentType: "application/json",
  write: (reading, nowMs) => JSON.stringify(metricsJson(reading, nowMs)) + "\n",
};
/** Formats by preference, if a client accepts several of them equally. */
const TEXT_FIRST: readonly Format[] = [PROMETHEUS, OPENMETRICS, JSON_FORMAT];
const JSON_FIRST: readonly Format[] = [JSON_FORMAT, PROMETHEUS, OPENMETRICS];

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
 * Responds with Prometheus text, OpenMetrics or JSON, as the `Accept` of the request prefers, otherwise as configured.
 * Methods other than GET and HEAD get 405.
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
  const accept = acceptedTypes(getHeader(request.headers, "accept"));
  const format = preferredFormat(accept, enablePrometheus ? TEXT_FIRST : JSON_FIRST);
  const headers: HeaderLine[] = [
    ["content-type", format.contentType],
    ["cache-control", "no-store"],
    ["vary", "accept"],
  ];
  if (method === "HEAD") return new ClientResponse(200, headers, unknownLength());
  return new ClientResponse(200, headers, format.write(reading, now()));
}

/**
 * Returns the format with the highest quality (RFC 9110, section 12.5.1), and the first of equal ones. A client that
 * accepts none gets the first format, as the section allows.
 */
function preferredFormat(accept: string, formats: readonly Format[]): Format {
  const ranges = accept.toLowerCase().split(",").map(readRange);
  const qualities = formats.map(({ contentType }) => qualityOf(readRange(contentType), ranges));
  const best = Math.max(...qualities);
  return formats[best === 0 ? 0 : qualities.indexOf(best)]!;
}

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

function readRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const valueOf = (name: string) =>
    parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1).replaceAll('"', "");
  const quality = valueOf("q");
  return { type, version: valueOf("version"), quality: quality === undefined ? 1 : Number(quality) || 0 };
}

/** Returns the quality of the most specific range that matches; 0 without a match. */
function qualityOf({ type, version }: MediaRange, ranges: readonly MediaRange[]): number {
  let [specificity, quality] = [0, 0];
  for (const range of ranges) {
    const found = range.type === "*/*"
      ? 1
      : range.type === `${type.slice(0, type.indexOf("/"))}/*`
      ? 2
      : range.type !== type || (range.version !== undefined && range.version !== version)
      ? 0
      : range.version === undefined
      ? 3
      : 4;
    if (found > specificity) [specificity, quality] = [found, range.quality];
    else if (found > 0 && found === specificity) quality = Math.max(quality, range.quality);
  }
  return quality;
}
