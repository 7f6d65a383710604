/** From the selected attempt, or a problem, to the client's Response. */

import { accepts } from "@std/http/negotiation";
import { STATUS_TEXT, type StatusCode } from "@std/http/status";
import type { HeaderLine } from "../config/config.ts";
import { acceptedTypes } from "../http/accept.ts";
import { type AttemptView, discardResponse, isStreamed, type UpstreamResponse } from "../upstream/attempt.ts";
import type { Deadline } from "../lib/timeout_queues.ts";
import { getHeader, setHeaders, stripHopByHop } from "../http/headers.ts";
import type { Problem, ServiceFailure } from "../http/problem.ts";
import { relayBody, type RelayListener } from "../upstream/response_body.ts";

/** Statuses without a body, whatever the method (RFC 9110 §6.4.1); `new Response` takes none with them. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);
/** Says who answered; what a service claims to be is dropped. */
const SERVICE_FIELD = "x-conductor-service";
const TIMING_FIELD = "server-timing";
const REPLACED: ReadonlySet<string> = new Set([SERVICE_FIELD]);
const REPLACED_WITH_LENGTH: ReadonlySet<string> = new Set([SERVICE_FIELD, "content-length"]);
const PROBLEM_JSON = "application/problem+json";

/** What relaying needs to know beside the response. */
export interface RelayOptions extends RelayListener {
  /** The request method: a HEAD response keeps its Content-Length without a body. */
  readonly method: string;
  /** Whether the answering service is named. */
  readonly identify: boolean;
  /** Bounds the silence while the body streams. */
  readonly deadline: Deadline;
  /** What is said in `Server-Timing` beside what the service says there; absent: nothing. */
  readonly timing?: string | undefined;
}

/**
 * Relays a service's response: hop-by-hop fields removed, the body streamed as it comes.
 *
 * @param attempt The selected attempt.
 * @param response Its response.
 * @param options What relaying needs to know beside it.
 * @returns The client's response.
 */
export function relayResponse({ service }: AttemptView, response: UpstreamResponse, options: RelayOptions): Response {
  const { status } = response;
  const bodiless = NULL_BODY_STATUSES.has(status) || options.method === "HEAD";
  if (bodiless && isStreamed(response)) discardResponse(response);
  const body = bodiless ? null : response.body;
  // A body in hand has its length from the server; 204 and 205 have none to tell (RFC 9110 §8.6).
  const isLengthKnown = body instanceof Uint8Array || status === 204 || status === 205;
  const lines = stripHopByHop(response.headers, isLengthKnown ? REPLACED_WITH_LENGTH : REPLACED);
  if (options.identify) lines.push([SERVICE_FIELD, service.name]);
  if (options.timing !== undefined) lines.push([TIMING_FIELD, options.timing]);
  // Lines cost a third of what a Headers object does that is copied into the response.
  const headers = setHeaders(lines, service.responseHeaders) as [string, string][];
  if (body instanceof ReadableStream) {
    return new Response(relayBody(body, options.deadline, options), { status, headers });
  }
  const relayed = new Response(body, { status, headers });
  options.onEnd(body === null ? 0 : body.length);
  return relayed;
}

/**
 * Answers with a problem of conductor's own: problem details (RFC 9457) to clients that accept JSON, else plain text.
 *
 * @param request The client's request.
 * @param problem What to say.
 * @param requestId The exchange's id, to be found again in the log.
 * @returns The client's response.
 */
export function respondProblem(request: Request, problem: Problem, requestId: string): Response {
  const { status, detail, services, severs } = problem;
  const headers = new Headers({ "cache-control": "no-store" });
  for (const [name, value] of problem.headers ?? []) headers.append(name, value);
  if (status === 204) return new Response(null, { status, headers });
  const title = STATUS_TEXT[status as StatusCode];
  const headersToRead = new Headers({ accept: acceptedTypes(request.headers) });
  const type = accepts({ headers: headersToRead }, PROBLEM_JSON, "application/json", "text/plain");
  const isJson = type === PROBLEM_JSON || type === "application/json";
  headers.set("content-type", isJson ? PROBLEM_JSON : "text/plain; charset=utf-8");
  const text = isJson
    ? JSON.stringify({ type: "about:blank", title, status, detail, requestId, services }) + "\n"
    : `${status} ${title}: ${detail}\n`;
  if (severs) return severed(text, { status, headers });
  return new Response(request.method === "HEAD" ? null : text, { status, headers });
}

/**
 * Sends a text and then breaks off. Deno reads the rest of a request after a complete response, but closes the
 * connection after one that fails (decision 023). The declared length keeps the head from being buffered.
 */
function severed(text: string, { status, headers }: { status: number; headers: Headers }): Response {
  const bytes = new TextEncoder().encode(text);
  headers.set("content-length", String(bytes.length + 1));
  let isSent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (isSent) return controller.error(new Error("The connection is closed"));
      isSent = true;
      controller.enqueue(bytes);
    },
  });
  return new Response(body, { status, headers });
}

const UNSENDABLE: Problem = { status: 400, detail: "This request cannot be sent to the service" };

/**
 * Creates the response for an exchange in which every service failed.
 *
 * @param attempts All attempts of the exchange.
 * @param options Settings: names of services in the problem, and the content of `Server-Timing`.
 * @returns The 502 problem, with the primary's `Retry-After` if it sent one; 400 if the request cannot be sent to any
 * service.
 */
export function allFailed(
  attempts: readonly AttemptView[],
  { identify, timing }: Pick<RelayOptions, "identify" | "timing">,
): Problem {
  const candidates = attempts.filter(({ role }) => role !== "shadow");
  if (candidates.every(({ outcome }) => outcome?.ok === false && outcome.kind === "unsendable")) return UNSENDABLE;
  const retryAfter = candidates.filter(({ role }) => role === "primary").map(retryAfterOf).find(Boolean);
  return {
    status: 502,
    detail: "No service answered this request successfully",
    services: candidates.map((attempt) => serviceFailure(attempt, identify)),
    headers: [
      ...(retryAfter === undefined ? [] : [retryAfter]),
      ...(timing === undefined ? [] : [[TIMING_FIELD, timing] as const]),
    ],
  };
}

function serviceFailure({ service, role, outcome }: AttemptView, identify: boolean): ServiceFailure {
  const named = identify ? { service: service.name, role } : { role };
  if (outcome === undefined) return named;
  return outcome.ok ? { ...named, status: outcome.response.status } : { ...named, failure: outcome.kind };
}

function retryAfterOf({ outcome }: AttemptView): HeaderLine | undefined {
  const value = outcome?.ok ? getHeader(outcome.response.headers, "retry-after") : undefined;
  return value === undefined ? undefined : ["retry-after", value];
}
