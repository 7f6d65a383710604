/**
 * Portable transport over the runtime's `fetch`: Deno, Bun, Node, workers. It reverts most changes that `fetch` makes
 * to messages; the documentation lists the others under "Limits".
 */

import type { FailureKind } from "../http/outcome_kinds.ts";
import type { HeaderLine } from "../config/config.ts";
import { getHeader, setHeaders } from "../http/headers.ts";
import { LOCAL_ORIGIN, socketPath } from "../lib/unix_socket.ts";
import { denoClients } from "./deno_clients.ts";
import {
  errorWords,
  isRepeatable,
  type Transport,
  type TransportFailure,
  type TransportRequest,
  type TransportResult,
  UpstreamFailure,
} from "./transport.ts";
import { BAD_FRAMING, headBytes, MAX_HEAD_BYTES, MAX_HEAD_FIELDS, repairHead } from "./response_head.ts";

type Chunks = ReadableStream<Uint8Array<ArrayBuffer>>;

const BODILESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** Methods that `fetch` converts to upper case. */
const NORMALIZED_METHODS: ReadonlySet<string> = new Set([...BODILESS_METHODS, "DELETE", "OPTIONS", "POST", "PUT"]);
/** Statuses for which `new Response` accepts no body. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);
/** Content codings that Node's `fetch` always decodes, without changing the headers. */
const DECODED_ENCODINGS: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/**
 * Failure kinds by error message, because runtimes report the cause of a failed fetch only as text. The first match
 * counts.
 */
const FAILURES: readonly (readonly [pattern: RegExp, kind: FailureKind])[] = [
  // Anchored, because network failures begin differently: in Deno and Node with "fetch failed".
  [
    /^(?:Invalid URL|Method is forbidden|failed to parse header|Invalid header name)|not a valid ByteString/,
    "unsendable",
  ],
  [/is an invalid header|HTTP method is unsupported|UND_ERR_INVALID_ARG/, "unsendable"],
  [/too many open files|EMFILE/i, "no-descriptors"],
  [/cannot assign requested address|EADDRNOTAVAIL/i, "no-ports"],
  [/dns error|getaddrinfo|ENOTFOUND|EAI_AGAIN|failed to lookup/i, "dns"],
  [/tls|ssl|certificate|handshake|fatal alert|InvalidContentType|keys may not be|private key/i, "tls"],
  [/timed out|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT/i, "timeout"],
  [
    /refused|connect error|\(Connect\)|ConnectionRefused|unreachable|ports? \d* ?(?:is |are )?blocked|bad port/i,
    "refused",
  ],
  [/head is too large|HPE_HEADER_OVERFLOW|UND_ERR_HEADERS_OVERFLOW/i, "head-too-large"],
  // A malformed response over HTTP/2. With `received` instead of `detected`, the service has reset the stream. An error
  // of the connection concerns the requests of all clients, so it counts as `reset`.
  [/stream error detected/, "protocol"],
  [/invalid|parse|malformed|too large|HPE_|unexpected message|InvalidHTTPResponse/i, "protocol"],
];

/** Message of Deno's client for a request that failed before it had a connection. */
const CONNECT_FAILED = /\(Connect\)/;
/** Words that all messages of Deno and Node begin with. */
const COMMON_WORDS = /^(?:fetch failed )?(?:error sending request for url )?/;
/**
 * Message for a request that waited for an HTTP/2 connection which another request was opening. That request failed, or
 * was aborted.
 */
const CONNECT_CANCELED = /\(Connect\): request was canceled/;

/** Options of {@linkcode fetchTransport}. */
export interface FetchTransportOptions {
  /**
   * Function that sends requests.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * Clock in milliseconds. It must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/** Options of `fetch`, including those of Deno and Bun. */
interface RuntimeRequestInit extends RequestInit {
  client?: unknown;
  decompress?: boolean;
  duplex?: "half";
}

/**
 * Creates the portable transport. It requests the identity coding, so that no runtime decodes a body whose headers
 * describe the encoded one.
 *
 * @param options The function to use instead of the runtime's `fetch`, and the clock.
 * @returns A transport over `fetch`.
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const send = options.fetch ?? globalThis.fetch;
  const clientFor = options.fetch === undefined ? denoClients(options.now) : () => undefined;
  const connects = new ConnectFailures();
  return async (request) => {
    const { method, signal, tls } = request;
    const { count } = connects;
    // `fetch` can only verify the host name of the URL.
    if (tls?.serverName !== undefined) {
      return { ok: false, kind: "tls", error: "`tls.serverName` is not supported by this transport" };
    }
    const unsupported = options.fetch === undefined ? unsupportedBy(request) : undefined;
    if (unsupported !== undefined) return unsupported;
    // Methods are case-sensitive (RFC 9110 §9.1), but `fetch` would send `get` as GET, and throws if it has a body.
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
      // The runtime repeats a request if its pooled connection was closed.
      const client = clientFor({
        pooling: isRepeatable(request),
        http2: request.http2 === true,
        tls,
        path: socketPath(request.origin),
        maxAgeMs: request.maxConnectionAgeMs ?? Infinity,
      });
      if (client !== undefined) init.client = client;
      if (request.body instanceof ReadableStream) init.duplex = "half";
      const url = (socketPath(request.origin) === undefined ? request.origin : LOCAL_ORIGIN) + request.target;
      for (;;) {
        const response = await send(url, init).catch(errorWords);
        if (typeof response !== "string") return readResponse(response, method);
        if (signal.aborted) return { ok: false, kind: "aborted" };
        const kind = connects.kindOf(response, request, count);
        if (kind !== undefined) return failure(kind, response);
      }
    } catch (error) {
      const message = errorWords(error);
      return signal.aborted ? { ok: false, kind: "aborted" } : failure(failureKind(message), message);
    }
  };
}

/**
 * Latest failures to connect. Requests over HTTP/2 share a connection. If the request that opens it fails, Deno rejects
 * the waiting requests without the cause. If it is aborted, Deno rejects them too, although the service may be healthy.
 */
class ConnectFailures {
  /** Number of failures so far. */
  count = 0;
  readonly #latest = new Map<string, { readonly ordinal: number; readonly kind: FailureKind }>();

  /**
   * Returns the kind of a failure. Returns `undefined` if the request must be sent again: it had no connection, and no
   * connection has failed since `count` was read.
   */
  kindOf(message: string, { origin, tls }: TransportRequest, count: number): FailureKind | undefined {
    const key = `${origin} ${tls?.ca ?? ""} ${tls?.cert ?? ""}`;
    if (CONNECT_CANCELED.test(message)) {
      const latest = this.#latest.get(key);
      return latest !== undefined && latest.ordinal > count ? latest.kind : undefined;
    }
    const kind = failureKind(message);
    if (CONNECT_FAILED.test(message)) this.#latest.set(key, { ordinal: ++this.count, kind });
    return kind;
  }
}

/** Returns the failure of a request for which the runtime's `fetch` lacks an option. */
function unsupportedBy({ origin, tls }: TransportRequest): TransportFailure | undefined {
  if ("Deno" in globalThis) return undefined;
  if (socketPath(origin) !== undefined) {
    return { ok: false, kind: "refused", error: "Unix sockets are not supported by this transport" };
  }
  if (tls?.cert === undefined) return undefined;
  return { ok: false, kind: "tls", error: "`tls.cert` is not supported by this transport" };
}

/** Returns header lines as a list, which costs a third of a `Headers` object: that would be copied into the request. */
function headersFor({ headers, host }: TransportRequest): [string, string][] {
  const fields: HeaderLine[] = [["accept-encoding", "identity"]];
  if (host !== undefined) fields.push(["host", host]);
  return setHeaders(headers, fields) as [string, string][];
}

function readResponse(response: Response, method: string): TransportResult {
  const { status } = response;
  const received = [...response.headers];
  const isTooLarge = received.length > MAX_HEAD_FIELDS || headBytes(received) > MAX_HEAD_BYTES;
  const repaired = isTooLarge ? undefined : repairHead(received);
  if (status < 200 || status > 599 || repaired === undefined) {
    response.body?.cancel().catch(() => {});
    if (isTooLarge) return { ok: false, kind: "head-too-large" };
    const isSupported = status >= 200 && status <= 599;
    return { ok: false, kind: "protocol", error: isSupported ? BAD_FRAMING : `status ${status}` };
  }
  const isBodiless = method === "HEAD" || NULL_BODY_STATUSES.has(status);
  if (isBodiless) response.body?.cancel().catch(() => {});
  const encoding = response.headers.get("content-encoding")?.toLowerCase();
  const wasDecoded = alwaysDecodes() && encoding !== undefined && DECODED_ENCODINGS.has(encoding);
  const headers = repaired.filter(([name]) =>
    !(wasDecoded && (name === "content-encoding" || name === "content-length"))
  );
  const stream = isBodiless ? null : response.body as Chunks | null;
  const length = getHeader(headers, "content-length");
  const body = stream === null || length === undefined ? stream : checkLength(stream, Number(length));
  return { ok: true, response: { status, headers, body } };
}

/**
 * Fails a body whose length differs from Content-Length. Over HTTP/2, Deno reports a body as complete that the service
 * cut with RST_STREAM and the code CANCEL or NO_ERROR.
 */
function checkLength(body: Chunks, lengthBytes: number): Chunks {
  const reader = body.getReader();
  let receivedBytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) {
        receivedBytes += value.length;
        controller.enqueue(value);
      } else if (receivedBytes === lengthBytes) controller.close();
      else controller.error(new UpstreamFailure("reset", `body of ${receivedBytes} bytes instead of ${lengthBytes}`));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function isNormalized(method: string): boolean {
  const sent = method.toUpperCase();
  return sent !== method && NORMALIZED_METHODS.has(sent);
}

/** Returns a failure with the platform's words, unless the request cannot be sent: such messages quote the client. */
function failure(kind: FailureKind, message: string): TransportFailure {
  return kind === "unsendable" ? { ok: false, kind } : { ok: false, kind, error: message.replace(COMMON_WORDS, "") };
}

function failureKind(message: string): FailureKind {
  return FAILURES.find(([pattern]) => pattern.test(message))?.[1] ?? "reset";
}

/** Reports whether bodies are always decoded. Deno and Bun have an option against it; Node (undici) does not. */
function alwaysDecodes(): boolean {
  return !("Deno" in globalThis) && !("Bun" in globalThis);
}
