/** The client's response: the response of the selected attempt, or a local reply if every service failed. */

import type { HeaderLine, Member, Role, Service } from "../config/config.ts";
import {
  ClientResponse,
  type LocalReply,
  REQUEST_ID_FIELD,
  type ServiceFailure,
  unknownLength,
} from "../http/client_response.ts";
import { getHeader, setHeaders, stripHopByHop } from "../http/headers.ts";
import { relayedTrailers, type Trailers } from "../http/trailers.ts";
import {
  type Attempt,
  type AttemptView,
  discardResponse,
  isStreamed,
  type Outcome,
  type UpstreamResponse,
} from "../upstream/attempt.ts";
import { relayBody, type RelayListener } from "../upstream/response_body.ts";

/** Statuses without a body, whatever the method (RFC 9110 §6.4.1). */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);
/** Names the service that responded. A field of the service with this name is removed. */
const SERVICE_FIELD = "x-conductor-service";
const TIMING_FIELD = "server-timing";
const REPLACED: ReadonlySet<string> = new Set([SERVICE_FIELD]);
/** With the request id, a service's own field is replaced: a client must find its request in the log. */
const IDENTIFIED: ReadonlySet<string> = new Set([...REPLACED, REQUEST_ID_FIELD]);
const REPLACED_WITHOUT_LENGTH: ReadonlySet<string> = new Set([SERVICE_FIELD, "content-length"]);
const IDENTIFIED_WITHOUT_LENGTH: ReadonlySet<string> = new Set([...REPLACED_WITHOUT_LENGTH, REQUEST_ID_FIELD]);
const UNSENDABLE: LocalReply = { status: 400, detail: "This request cannot be sent to the service" };
/** Characters that a token cannot have (RFC 9110 §5.6.2). */
const NO_TOKEN = /[^A-Za-z0-9!#$%&'*+\-.^_`|~]/g;

/** Additions to a response. */
export interface ResponseAdditions {
  /** Include names of services. */
  readonly identify: boolean;
  /** Value of `Server-Timing`; `undefined`: not sent. A service's own field is kept. */
  readonly timing: string | undefined;
}

/** Options of {@linkcode relayResponse}. */
export interface RelayOptions extends ResponseAdditions {
  /** `X-Request-Id` of the exchange; returned to the client with `identify`. */
  readonly requestId: string;
  /** Request method. A response to HEAD keeps its Content-Length, but has no body. */
  readonly method: string;
  /** The selected attempt. */
  readonly attempt: Pick<Attempt, "service" | "deadline">;
}

/** Relays a service's response without hop-by-hop fields. The body is streamed. */
export function relayResponse(
  response: UpstreamResponse,
  listener: RelayListener,
  { method, requestId, attempt, identify, timing }: RelayOptions,
): ClientResponse {
  const { status } = response;
  // Only a custom transport can return such a status. `new Response` would throw too late, when the body counts as
  // relayed.
  if (status < 200 || status > 599) throw new RangeError(`Cannot relay a response with the status ${status}`);
  const { service, deadline } = attempt;
  const isNull = NULL_BODY_STATUSES.has(status);
  const isBodiless = isNull || method === "HEAD";
  if (isBodiless && isStreamed(response)) discardResponse(response);
  const body = isBodiless ? null : response.body;
  // 204 and 205 must not have a length (RFC 9110 §8.6).
  const hasNoLength = status === 204 || status === 205;
  const replaced = identify
    ? hasNoLength ? IDENTIFIED_WITHOUT_LENGTH : IDENTIFIED
    : hasNoLength
    ? REPLACED_WITHOUT_LENGTH
    : REPLACED;
  const endToEnd = stripHopByHop(response.headers, replaced);
  if (identify) endToEnd.push([SERVICE_FIELD, service.name], [REQUEST_ID_FIELD, requestId]);
  if (timing !== undefined) endToEnd.push([TIMING_FIELD, timing]);
  // RFC 9110 §15.5.22: a 426 response names the protocols that the client should switch to. With a Connection field of
  // its own, node:http does not close the connection if the client asks for it.
  if (status === 426 && service.upgrade !== undefined) endToEnd.push(...upgradeLines(response, "upgrade, close"));
  const headers = setHeaders(endToEnd, service.responseHeaders);
  const trailers = isBodiless ? undefined : trailersOf(response, service);
  if (body instanceof ReadableStream) {
    return new ClientResponse(status, headers, relayBody(body, deadline, listener), undefined, trailers);
  }
  listener.onEnd(body === null ? 0 : body.length);
  const isLengthUnknown = isBodiless && !isNull && getHeader(headers, "content-length") === undefined;
  return new ClientResponse(status, headers, isLengthUnknown ? unknownLength() : body, undefined, trailers);
}

/** Returns the trailers of a response, without fields that the configuration sets. */
function trailersOf(response: UpstreamResponse, { responseHeaders }: Service): Trailers | undefined {
  if (response.trailers === undefined) return undefined;
  // Those of a body in memory have arrived, and few bodies have any.
  if (!isStreamed(response) && response.trailers().length === 0) return undefined;
  const read = () => response.trailers!();
  return relayedTrailers({ headers: response.headers, read }, [TIMING_FIELD, ...responseHeaders.map(([name]) => name)]);
}

/**
 * Returns the 101 response of a service, without hop-by-hop fields except those of the upgrade. `tunnel` takes over the
 * connection of the client.
 */
export function relayUpgrade(
  response: UpstreamResponse,
  tunnel: NonNullable<ClientResponse["tunnel"]>,
  { requestId, attempt: { service }, identify, timing }: Omit<RelayOptions, "method">,
): ClientResponse {
  const endToEnd = stripHopByHop(response.headers, identify ? IDENTIFIED_WITHOUT_LENGTH : REPLACED_WITHOUT_LENGTH);
  if (identify) endToEnd.push([SERVICE_FIELD, service.name], [REQUEST_ID_FIELD, requestId]);
  if (timing !== undefined) endToEnd.push([TIMING_FIELD, timing]);
  const headers = [...upgradeLines(response, "upgrade"), ...setHeaders(endToEnd, service.responseHeaders)];
  return new ClientResponse(101, headers, null, tunnel);
}

/** Returns the fields of an upgrade, which `stripHopByHop` removes. */
function upgradeLines({ headers }: UpstreamResponse, connection: string): HeaderLine[] {
  const upgrade = getHeader(headers, "upgrade");
  return upgrade === undefined ? [] : [["connection", connection], ["upgrade", upgrade]];
}

/**
 * Returns the reply if every service failed: 502 with the primary's `Retry-After`, or 400 if the request cannot be sent
 * to any service.
 */
export function allFailed(attempts: readonly AttemptView[], { identify, timing }: ResponseAdditions): LocalReply {
  const candidates = attempts.filter(({ role }) => role !== "shadow");
  if (candidates.every(({ outcome }) => outcome?.ok === false && outcome.kind === "unsendable")) return UNSENDABLE;
  const retryAfter = candidates.filter(({ role }) => role === "primary").map(retryAfterOf).find(Boolean);
  return {
    status: 502,
    detail: "No service responded successfully to this request",
    services: candidates.map((attempt) => failureOf(attempt, identify)),
    headers: [
      ...(retryAfter === undefined ? [] : [retryAfter]),
      ...(timing === undefined ? [] : [[TIMING_FIELD, timing] as const]),
    ],
  };
}

function failureOf({ service, role, outcome }: AttemptView, identify: boolean): ServiceFailure {
  const named = identify ? { service: service.name, role } : { role };
  if (outcome === undefined) return named;
  return outcome.ok ? { ...named, status: outcome.response.status } : { ...named, failure: outcome.kind };
}

function retryAfterOf({ outcome }: AttemptView): HeaderLine | undefined {
  const value = outcome?.ok ? getHeader(outcome.response.headers, "retry-after") : undefined;
  return value === undefined ? undefined : ["retry-after", value];
}

/** Options of {@linkcode serverTiming}. */
export interface ServerTimingOptions {
  /** Use names of services instead of their roles. */
  readonly identify: boolean;
  /** Time since the request was received, in milliseconds. */
  readonly totalMs: number;
}

/**
 * Formats `Server-Timing` (https://www.w3.org/TR/server-timing/) with an entry for each service of the route and one
 * for the whole exchange.
 */
export function serverTiming(
  members: readonly Member[],
  attempts: readonly (AttemptView & { readonly durationMs: number })[],
  { identify, totalMs }: ServerTimingOptions,
): string {
  const counts: Record<Role, number> = { primary: 0, secondary: 0, shadow: 0 };
  const entries = members.map(({ service, role }) => {
    const attempt = attempts.find((attempt) => attempt.service === service);
    const position = ++counts[role];
    const name = identify ? service.name : position === 1 ? role : `${role}-${position}`;
    const token = name.replaceAll(NO_TOKEN, "_");
    const state = attempt === undefined ? "not sent" : describeOutcome(attempt.outcome);
    const description = `${token === name ? "" : `${name}: `}${role} ${state}`;
    const duration = attempt?.outcome === undefined ? "" : `;dur=${roundMs(attempt.durationMs)}`;
    return `${token}${duration};desc="${description.replaceAll(/["\\]/g, "\\$&")}"`;
  });
  return [...entries, `total;dur=${roundMs(totalMs)}`].join(", ");
}

function describeOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "pending";
  return outcome.ok ? String(outcome.response.status) : outcome.kind;
}

function roundMs(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
