/** The access log: one line for each request, at the end of its response or of its tunnel. */

import { ACCESS_FIELD_NAMES, type AccessField } from "../config/access_fields.ts";
import type { Config } from "../config/config.ts";
import { addressMatcher, clientAddress } from "../http/client_address.ts";
import { getHeader } from "../http/headers.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { printable, printableJson } from "../lib/printable.ts";
import { redactPath } from "../lib/secret_text.ts";
import type { ConductorEvent, RespondedEvent, SettledEvent, SkippedEvent, TunnelClosedEvent } from "./events.ts";
import type { DetailedObserver } from "./observers.ts";
import { createRedaction } from "./redaction.ts";

/** Options of {@linkcode createAccessLog}. */
export interface AccessLogOptions {
  /** Writes a line with its line end. */
  readonly write: (line: string) => void;
  /**
   * Clock, in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** An attempt in short. */
interface AccessAttempt {
  readonly service: string;
  /** Status, failure kind or skip reason; `pending` until the attempt settles. */
  outcome: string;
  durationMs?: number;
}

/** Request of a line in progress: only the texts that the line needs. */
interface Draft {
  readonly startedMs: number;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly hasQuery: boolean;
  readonly protocol: string;
  readonly peer: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  readonly traceId: string | undefined;
  readonly attempts: AccessAttempt[];
  responded: RespondedEvent | undefined;
  interrupted: string | undefined;
  /** Bytes of a tunnel that has ended; `undefined` for every other request. */
  tunnel: TunnelBytes | undefined;
}

/** Bytes that a tunnel moved, after the heads of its handshake. */
type TunnelBytes = Pick<Ending, "requestBytes" | "responseBytes">;

/** Data of a line. */
type AccessRecord = { readonly [K in AccessField]: unknown } & {
  readonly startedMs: number;
  readonly client: string | undefined;
};

const MAX_TARGET_LENGTH = 2_048;
const MAX_VALUE_LENGTH = 512;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Creates the observer that writes the access log of a configuration; `undefined` if it has none. */
export function createAccessLog(config: Config, options: AccessLogOptions): DetailedObserver | undefined {
  const { access, accessFields = ACCESS_FIELD_NAMES } = config.logging;
  if (access === "off") return undefined;
  const { write, now = Date.now } = options;
  const isTrusted = addressMatcher(config.trustProxy);
  const redaction = createRedaction(config);
  const drafts = new WeakMap<WeakKey, Draft>();
  const format = access === "combined" ? formatCombined : (record: AccessRecord) => formatJson(record, accessFields);

  function shownField(name: string, value: string | undefined): string | undefined {
    return value === undefined ? undefined : redaction.line([name, value], MAX_VALUE_LENGTH)[1];
  }

  function writeLine(draft: Draft, { requestBytes, responseBytes, durationMs }: Ending): void {
    const { responded } = draft;
    if (responded === undefined) return;
    const { peer } = draft;
    write(
      format({
        startedMs: draft.startedMs,
        client: clientAddress(peer, draft.forwardedFor ?? null, isTrusted),
        method: draft.method,
        host: draft.host,
        target: targetOf(draft),
        protocol: draft.protocol,
        status: responded.status,
        requestBytes,
        responseBytes,
        durationMs: Math.round(durationMs * 1_000) / 1_000,
        route: responded.route,
        service: responded.service,
        refusal: responded.refusal,
        interrupted: draft.interrupted,
        attempts: draft.attempts,
        referer: shownField("referer", draft.referer),
        userAgent: shownField("user-agent", draft.userAgent),
        requestId: responded.requestId,
        traceId: draft.traceId,
      }) + "\n",
    );
  }

  return (event, context) => {
    if (context === undefined) return;
    const { exchange, clientRequest } = context;
    if (event.type === "received") {
      if (clientRequest !== undefined) drafts.set(exchange, draftOf(clientRequest, now()));
      return;
    }
    const draft = drafts.get(exchange);
    if (draft === undefined) return;
    update(draft, event);
    if (event.type !== "relayed" && !context.isEnd) return;
    drafts.delete(exchange);
    const ending = event.type === "relayed" ? event : { ...NO_BYTES, durationMs: draft.responded?.durationMs ?? 0 };
    const { requestBytes, responseBytes } = draft.tunnel ?? ending;
    const { localBytes = responseBytes } = draft.responded ?? {};
    writeLine(draft, { requestBytes, responseBytes: localBytes, durationMs: ending.durationMs });
  };
}

interface Ending {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

const NO_BYTES = { requestBytes: 0, responseBytes: 0 };

function draftOf(request: ReceivedRequest, startedMs: number): Draft {
  const { headers, trace, protocol = "HTTP/1.1" } = request;
  return {
    startedMs,
    method: request.method,
    host: request.authority,
    path: request.path,
    hasQuery: request.query.length > 1,
    protocol,
    peer: request.peer,
    forwardedFor: getHeader(headers, "x-forwarded-for"),
    referer: getHeader(headers, "referer"),
    userAgent: getHeader(headers, "user-agent"),
    traceId: trace?.traceId,
    attempts: [],
    responded: undefined,
    interrupted: undefined,
    tunnel: undefined,
  };
}

function update(draft: Draft, event: ConductorEvent): void {
  switch (event.type) {
    case "attempted":
      return start(draft.attempts, event.service);
    case "skipped":
      return skip(draft.attempts, event);
    case "settled":
      return settle(draft.attempts, event);
    case "responded":
      draft.responded = event;
      return;
    case "interrupted":
      draft.interrupted = event.failure;
      return;
    case "tunnel-closed":
      // The client's bytes are also in the tunnels of shadows.
      if (event.role !== "shadow") draft.tunnel = bytesOf(event);
  }
}

function bytesOf({ clientBytes, serviceBytes }: TunnelClosedEvent): TunnelBytes {
  return { requestBytes: clientBytes, responseBytes: serviceBytes };
}

/** Adds an attempt that has started. One that its breaker rejects was skipped before: both events are one attempt. */
function start(attempts: AccessAttempt[], service: string): void {
  if (!attempts.some((attempt) => attempt.service === service)) attempts.push({ service, outcome: "pending" });
}

/** Adds a skip. A shadow request that is cut off has two events: it settled, and it was skipped for the same reason. */
function skip(attempts: AccessAttempt[], { service, reason }: SkippedEvent): void {
  const attempt = attempts.findLast((candidate) => candidate.service === service);
  if (attempt === undefined) attempts.push({ service, outcome: reason });
  else attempt.outcome = reason;
}

function settle(attempts: AccessAttempt[], { service, status, failure, durationMs }: SettledEvent): void {
  const attempt = attempts.findLast((candidate) => candidate.service === service);
  if (attempt === undefined) return;
  attempt.outcome = String(failure ?? status);
  attempt.durationMs = Math.round(durationMs * 1_000) / 1_000;
}

/**
 * Returns the target. Its query is hidden as a whole, because parameters with harmless names may have secret values.
 */
function targetOf({ path, hasQuery }: Draft): string {
  const shown = redactPath(path.slice(0, MAX_TARGET_LENGTH));
  const cut = path.length > MAX_TARGET_LENGTH ? `${shown}…` : shown;
  return hasQuery ? `${cut}?[redacted]` : cut;
}

function formatJson(record: AccessRecord, fields: readonly AccessField[]): string {
  const line: Record<string, unknown> = { time: new Date(record.startedMs).toISOString(), message: "access" };
  for (const field of fields) line[field] = record[field];
  return printableJson(JSON.stringify(line));
}

/** Formats as Apache's Combined Log Format: `client - - [time] "request" status bytes "referer" "user agent"`. */
function formatCombined(record: AccessRecord): string {
  const { client = "-", startedMs, method, target, protocol, status, responseBytes, referer, userAgent } = record;
  const request = `${method} ${target} ${protocol}`;
  return `${oneWord(client)} - - [${combinedTime(startedMs)}] "${quotable(request)}" ${status} ${
    responseBytes || "-"
  } "${quotable(referer ?? "-")}" "${quotable(userAgent ?? "-")}"`;
}

function oneWord(text: string): string {
  return printable(text).replaceAll(" ", "\\x20");
}

/** Escapes like Apache: quotes, backslashes and everything that is not printable. */
function quotable(text: unknown): string {
  return printable(String(text).replaceAll(/["\\]/g, "\\$&"));
}

/** Formats a time like `02/Jan/2026:03:04:05 +0000`. */
function combinedTime(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
