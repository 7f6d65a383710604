/** Responses of the admin API about comparisons: `/api/report`, `/api/mismatches` and `/api/noise`. */

import { parseBodyPath } from "../config/body_path.ts";
import { unknownLength } from "../http/client_response.ts";
import { readBoundedText, SHORT_BODY_TIMEOUT_MS } from "../lib/bounded_text.ts";
import { printableJson } from "../lib/printable.ts";
import { withoutTrait } from "./difference_traits.ts";
import { makeReport } from "./make_report.ts";
import type { MismatchFeed } from "./mismatch_feed.ts";
import { MAX_MARKS, type NoiseMark, type NoiseMarks } from "./noise_marks.ts";
import { readReportQuery } from "./report_thresholds.ts";
import type { StatsSnapshot } from "./stats_snapshot.ts";

/** Responses of the admin API change at any time, so they must not be cached. */
const NO_STORE = { "cache-control": "no-store" };
const NOT_JSON = '"Content-Type" must be application/json';
const COMPARISON_IS_OFF = 'Comparison is off: the configuration has no "compare"';
/** Maximum size of a mark as JSON, in bytes. */
const MAX_MARK_BYTES = 8_192;
/** Maximum length of each text of a mark, in characters. */
const MAX_TEXT_LENGTH = 1_024;

/** Returns the start of the comparisons that a request for a report counts, in milliseconds since 1970; 0: all. */
export function sinceOf(query: URLSearchParams): number {
  const result = readReportQuery(query);
  return result.ok ? result.sinceMs : 0;
}

/**
 * Responds to `GET /api/report` with a `Report` as JSON. Query parameters set the thresholds. `snapshot` has the counts
 * of all workers since {@linkcode sinceOf}; `undefined` if comparison is off.
 *
 * Errors: 400 for an invalid parameter, 404 if comparison is off, 405 for another method.
 */
export function respondReport(
  request: Request,
  snapshot: StatsSnapshot | undefined,
  marks: readonly NoiseMark[] = [],
): Response {
  const refused = refuseMethod(request);
  if (refused !== undefined) return refused;
  if (snapshot === undefined) return refuse(404, COMPARISON_IS_OFF);
  const result = readReportQuery(new URL(request.url).searchParams);
  if (!result.ok) return refuse(400, result.problem);
  const report = makeReport(snapshot, result.thresholds, marks);
  return respondText(request, "application/json", `${printableJson(JSON.stringify(report))}\n`);
}

/**
 * Responds to `POST /api/report/reset`: calls `reset`, after which counting starts again.
 *
 * Errors: 405 for another method, 415 for a content type that forms can send.
 */
export async function respondReset(request: Request, reset: () => Promise<void>): Promise<Response> {
  if (request.method !== "POST") {
    return refuse(405, `Method ${request.method} is not allowed: use POST`, { allow: "POST" });
  }
  if (!isJson(request)) return refuse(415, NOT_JSON);
  await reset();
  return new Response(null, { status: 204, headers: NO_STORE });
}

/**
 * Responds to `GET /api/mismatches` with the latest mismatches as JSON lines: each a `MismatchEntry`, oldest first.
 * `?after=ID` returns only higher ids. A client that polls with its last id misses no entry that is still kept.
 *
 * Errors: 400 for an invalid id, 404 if comparison is off, 405 for another method.
 */
export function respondMismatches(request: Request, feed: Pick<MismatchFeed, "after"> | undefined): Response {
  const refused = refuseMethod(request);
  if (refused !== undefined) return refused;
  if (feed === undefined) return refuse(404, COMPARISON_IS_OFF);
  const after = new URL(request.url).searchParams.get("after") ?? "0";
  if (!/^\d{1,15}$/.test(after)) return refuse(400, `"after" must be the id of an entry: found "${after}"`);
  const lines = feed.after(Number(after)).map((entry) => `${printableJson(JSON.stringify(entry))}\n`);
  return respondText(request, "application/x-ndjson", lines.join(""));
}

/**
 * Responds to `/api/noise` with the lines of configuration for all marks, in YAML. POST with a {@linkcode NoiseMark} as
 * JSON adds a mark first; DELETE removes it.
 *
 * Errors: 400 for an invalid mark, 404 if there is no mark to remove, 405 for another method, 409 above the maximum of
 * marks, 415 for another content type.
 *
 * @throws {IncompleteBody} If the body fails, or does not end within 10 s.
 */
export async function respondNoise(request: Request, marks: NoiseMarks): Promise<Response> {
  const { method } = request;
  if (method === "POST" || method === "DELETE") {
    if (!isJson(request)) return refuse(415, NOT_JSON);
    const mark = await readMark(request);
    if (mark === undefined) {
      return refuse(
        400,
        'The body must be a JSON object with the texts "route" and "path", and optionally "endpoint" and "service"',
      );
    }
    const path = parseBodyPath(mark.path);
    // The configuration would refuse an invalid path.
    if ("fault" in path) return refuse(400, `"path" must have ${path.fault}: found "${mark.path}"`);
    if (method === "DELETE") {
      if (!marks.remove(mark)) return refuse(404, `Cannot remove the mark: ${mark.path} has none with this scope`);
    } else if (!marks.add(mark)) {
      return refuse(409, `Cannot add a mark: the maximum is ${MAX_MARKS}. Move the marks to the configuration`);
    }
  } else if (method !== "GET" && method !== "HEAD") {
    return refuse(405, `Method ${method} is not allowed: use GET, HEAD, POST or DELETE`, {
      allow: "GET, HEAD, POST, DELETE",
    });
  }
  return respondText(request, "application/yaml", marks.toYaml());
}

/** Reports whether the content type is JSON, which forms of foreign pages cannot send without a preflight. */
function isJson({ headers }: Request): boolean {
  return /^application\/json *(?:;|$)/i.test(headers.get("content-type") ?? "");
}

async function readMark(request: Request): Promise<NoiseMark | undefined> {
  const text = await readBoundedText(request.body, MAX_MARK_BYTES, { timeoutMs: SHORT_BODY_TIMEOUT_MS });
  let body: unknown;
  try {
    body = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const { route, endpoint, service, path }: Readonly<Record<string, unknown>> = { ...body };
  if (!isText(route) || !isText(path)) return undefined;
  if ((endpoint !== undefined && !isText(endpoint)) || (service !== undefined && !isText(service))) return undefined;
  return {
    route,
    path: withoutTrait(path),
    ...(endpoint !== undefined && { endpoint }),
    ...(service !== undefined && { service }),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT_LENGTH;
}

function respondText(request: Request, type: string, text: string): Response {
  return new Response(request.method === "HEAD" ? unknownLength() : text, {
    headers: { ...NO_STORE, "content-type": type },
  });
}

/** Returns an error response with problem details (RFC 9457). */
function refuse(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify({ status, detail }), {
    status,
    headers: { ...NO_STORE, ...headers, "content-type": "application/problem+json" },
  });
}

/** Returns an error response unless the method is GET or HEAD. */
function refuseMethod({ method }: Request): Response | undefined {
  if (method === "GET" || method === "HEAD") return undefined;
  return refuse(405, `Method ${method} is not allowed: use GET or HEAD`, { allow: "GET, HEAD" });
}
