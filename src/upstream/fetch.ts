/**
 * The portable transport, over the runtime's own `fetch`: Deno, Bun, Node, workers. What `fetch` changes by itself is
 * repaired here where it can be; the rest is listed in the README under "Limits".
 */

import type { UpstreamResponse } from "./attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { HeaderLine } from "../config/config.ts";
import { setHeaders } from "../http/headers.ts";
import { denoClients } from "./deno_clients.ts";
import { isRepeatable } from "./repeatable.ts";
import { headBytes, MAX_HEAD_BYTES, MAX_HEAD_FIELDS, repairHead } from "./response_head.ts";
import type { Transport, TransportRequest, TransportResult } from "./transport.ts";

const BODILESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** Methods that `fetch` writes in upper case, whatever the case that it is given. */
const NORMALIZED_METHODS: ReadonlySet<string> = new Set([...BODILESS_METHODS, "DELETE", "OPTIONS", "POST", "PUT"]);
/** Statuses that `new Response` takes no body with. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);
/** Codings that Node's fetch takes off whatever was asked for, leaving the headers as they were. */
const DECODED_ENCODINGS: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/**
 * Failure kinds by error message, because runtimes report the cause of a failed fetch only as text. The first match
 * decides.
 */
const FAILURES: readonly (readonly [pattern: RegExp, kind: FailureKind])[] = [
  // These messages must begin the text: network failures begin differently, in Deno and Node with "fetch failed".
  [
    /^(?:Invalid URL|Method is forbidden|failed to parse header|Invalid header name)|not a valid ByteString/,
    "unsendable",
  ],
  [/is an invalid header|HTTP method is unsupported|UND_ERR_INVALID_ARG/, "unsendable"],
  [/too many open files|EMFILE/i, "no-descriptors"],
  [/cannot assign requested address|EADDRNOTAVAIL/i, "no-ports"],
  [/dns error|getaddrinfo|ENOTFOUND|EAI_AGAIN|failed to lookup/i, "dns"],
  [/tls|ssl|certificate|handshake|fatal alert|InvalidContentType/i, "tls"],
  [/timed out|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT/i, "timeout"],
  [
    /refused|connect error|\(Connect\)|ConnectionRefused|unreachable|ports? \d* ?(?:is |are )?blocked|bad port/i,
    "refused",
  ],
  [/head is too large|HPE_HEADER_OVERFLOW|UND_ERR_HEADERS_OVERFLOW/i, "head-too-large"],
  [/invalid|parse|malformed|too large|HPE_|unexpected message|InvalidHTTPResponse/i, "protocol"],
];

/** What the fetch transport can be given instead of the runtime's own. */
export interface FetchTransportOptions {
  /**
   * The function that sends.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: typeof globalThis.fetch;
}

/** `fetch`'s options, with those of Deno and Bun. */
interface RuntimeRequestInit extends RequestInit {
  client?: unknown;
  decompress?: boolean;
  duplex?: "half";
}

/**
 * Makes the portable transport. Services are asked for the identity coding, so that no runtime decodes a body under
 * headers that describe the encoded one.
 *
 * @param options What to use in place of the runtime's own.
 * @returns A transport over `fetch`.
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const send = options.fetch ?? globalThis.fetch;
  const clientFor = options.fetch === undefined ? denoClients() : () => undefined;
  return async (request) => {
    const { method, signal, tls } = request;
    // No fetch verifies another name than that of the URL.
    if (tls?.serverName !== undefined) return { ok: false, kind: "tls" };
    // Methods are case-sensitive (RFC 9110 §9.1), but fetch would send `get` as GET, and throws if it has a body.
    if (isNormalized(method)) return { ok: false, kind: "unsendable" };
    try {
      const init: RuntimeRequestInit = {
        method,
        headers: headersFor(request),
        body: BODILESS_METHODS.has(method) ? null : request.body,
        redirect: "manual",
        signal,
        decompress: false,
      };
      // The runtime sends again, once, what goes out over a pooled connection that turns out to be dead.
      const client = clientFor({ pooling: isRepeatable(request), http2: request.http2 === true, ca: tls?.ca });
      if (client !== undefined) init.client = client;
      if (request.body instanceof ReadableStream) init.duplex = "half";
      return readResponse(await send(request.origin + request.target, init), method);
    } catch (error) {
      return { ok: false, kind: signal.aborted ? "aborted" : failureKind(error) };
    }
  };
}

/** Lines cost a third of what a Headers object does that is copied into the request. */
function headersFor({ headers, host }: TransportRequest): [string, string][] {
  const fields: HeaderLine[] = [["accept-encoding", "identity"]];
  if (host !== undefined) fields.push(["host", host]);
  return setHeaders(headers, fields) as [string, string][];
}

function readResponse(response: Response, method: string): TransportResult {
  const { status } = response;
  const received = [...response.headers];
  const isTooLarge = received.length > MAX_HEAD_FIELDS || headBytes(received) > MAX_HEAD_BYTES;
  const lines = isTooLarge ? undefined : repairHead(received);
  if (status < 200 || status > 599 || lines === undefined) {
    response.body?.cancel().catch(() => {});
    return { ok: false, kind: isTooLarge ? "head-too-large" : "protocol" };
  }
  const bodiless = method === "HEAD" || NULL_BODY_STATUSES.has(status);
  if (bodiless) response.body?.cancel().catch(() => {});
  const body = bodiless ? null : response.body as UpstreamResponse["body"];
  const encoding = response.headers.get("content-encoding")?.toLowerCase();
  const decoded = decodesRegardless() && encoding !== undefined && DECODED_ENCODINGS.has(encoding);
  const headers = lines.filter(([name]) => !(decoded && (name === "content-encoding" || name === "content-length")));
  return { ok: true, response: { status, headers, body } };
}

function isNormalized(method: string): boolean {
  const sent = method.toUpperCase();
  return sent !== method && NORMALIZED_METHODS.has(sent);
}

function failureKind(error: unknown): FailureKind {
  const words: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && words.length < 8; cause = cause.cause) {
    words.push(cause.message, "code" in cause ? String(cause.code) : "");
  }
  // URLs are dropped: Deno's messages contain them, and clients control most of their text.
  const text = words.join(" ").split(/\s/).filter((word) => !word.includes("://")).join(" ");
  return FAILURES.find(([pattern]) => pattern.test(text))?.[1] ?? "reset";
}

/** Deno and Bun can be told to leave bodies as they are; Node (undici) can not. */
function decodesRegardless(): boolean {
  return !("Deno" in globalThis) && !("Bun" in globalThis);
}
