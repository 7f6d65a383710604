/** The pure fetch handler: an adapter from `Request` and `Response` to the proxy. */

import type { Config, HeaderLine } from "../config/config.ts";
import type { ConfigInput } from "../config/input.ts";
import { validateConfig } from "../config/validate.ts";
import { type ClientRequest, type ConnectionInfo, type RequestTarget, splitTarget } from "../http/client_request.ts";
import type { ClientResponse, ClientResponseBody } from "../http/client_response.ts";
import { getHeader } from "../http/headers.ts";
import type { Observer } from "../observe/events.ts";
import { withoutSecrets } from "../observe/redaction.ts";
import { plainRequests } from "../upstream/runtime_transport.ts";
import { createProxyHandler } from "./handler.ts";
import type { ConductorOptions, HandlerOptions } from "./handler_context.ts";

export type { ConductorOptions };

const LENGTH = "content-length";

/** A handler for `Deno.serve`, `Bun.serve` and other servers that use `Request` and `Response`. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

/**
 * Creates a request handler that sends each request to every matching service and returns the primary's response.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conductor } from "@zeek/conductor";
 *
 * await using backend = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 *
 * const handle = conductor({
 *   services: [{ name: "api", url: `http://localhost:${backend.addr.port}`, pathPrefix: "/api" }],
 * });
 * const response = await handle(new Request("http://localhost/api/greeting"));
 *
 * assertEquals(await response.text(), "hello");
 * assertEquals(response.headers.get("x-conductor-service"), "api");
 * ```
 *
 * @param config Configuration with the fields of the configuration file, except the fields of conductor's own server,
 * such as `port`, `tls`, `admin` and `logging`.
 * @param options Transport, clock and observer.
 * @returns The handler. It does not reject because of a client or a service. As `fetch` does, it rejects with a
 * `TypeError` if the body of the request has already been read.
 * @throws {ConfigError} If the configuration is invalid. The error lists every problem.
 */
export function conductor(config: ConfigInput, options: ConductorOptions = {}): Handler {
  const { observe, transport } = options;
  const handle = createHandler(validateConfig(config, undefined, { embedding: "handler" }).config, {
    ...options,
    // Secrets are removed because the observer of an embedding program may print whole events.
    ...(observe !== undefined && { observe: ((event) => observe(withoutSecrets(event))) satisfies Observer }),
    ...(transport !== undefined && { transport: plainRequests(transport) }),
  });
  return (request, info) => reportedBy(handle, request, info);
}

/** Handles a request with the connection that an embedding program reports. */
export function reportedBy(handle: Handler, request: Request, info: ConnectionInfo | undefined): Promise<Response> {
  try {
    return handle(request, new ReportedConnection(info));
  } catch (error) {
    // The program passed something other than a request.
    return Promise.reject(error);
  }
}

/** Creates the fetch handler of a valid configuration. */
export function createHandler(config: Config, options: HandlerOptions = {}): Handler {
  const handle = createProxyHandler(config, options);
  // Not async: its frame would be copied by each young collection until the response (decision 022).
  return (request, info = {}) => handle(new FetchRequest(request, info)).then(toResponse);
}

/** Converts a response to `Response`. */
export function toResponse({ status, headers, body }: ClientResponse): Response {
  try {
    // An array costs a third of a Headers object, which would be copied into the response.
    return new Response(body, { status, headers: withoutLength(headers, body) as [string, string][] });
  } catch (error) {
    // A custom transport may return invalid header lines. The exchange ends only when its body does.
    if (body instanceof ReadableStream) body.cancel().catch(() => {});
    throw error;
  }
}

/** Removes Content-Length from the header of a buffered body, because servers add it. */
function withoutLength(headers: readonly HeaderLine[], body: ClientResponseBody): readonly HeaderLine[] {
  if (!(body instanceof Uint8Array)) return headers;
  const isLength = ([name]: HeaderLine) => name.length === LENGTH.length && name.toLowerCase() === LENGTH;
  return headers.some(isLength) ? headers.filter((line) => !isLength(line)) : headers;
}

/**
 * The connection as the embedding program reports it. A property that cannot be read or has another type counts as
 * absent, because servers may fail to report a connection that is closed.
 */
class ReportedConnection implements ConnectionInfo {
  readonly remoteAddr: ConnectionInfo["remoteAddr"];
  readonly completed?: Promise<unknown>;
  readonly scheme?: "http" | "https";
  readonly defaultAuthority: string | undefined;

  constructor(info: ConnectionInfo | null | undefined) {
    const hostname = tryRead(() => info?.remoteAddr?.hostname);
    const completed = tryRead(() => info?.completed);
    const scheme = tryRead(() => info?.scheme);
    const defaultAuthority = tryRead(() => info?.defaultAuthority);
    if (typeof hostname === "string") this.remoteAddr = { hostname };
    if (typeof tryRead(() => completed?.then) === "function") this.completed = Promise.resolve(completed);
    if (scheme === "http" || scheme === "https") this.scheme = scheme;
    if (typeof defaultAuthority === "string") this.defaultAuthority = defaultAuthority;
  }
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * A request that a server created as `Request`. Body and signal are getters, because Deno creates both on first access.
 */
export class FetchRequest implements ClientRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly headers: readonly HeaderLine[];
  readonly connection: ConnectionInfo;
  readonly #request: Request;

  constructor(request: Request, connection: ConnectionInfo) {
    this.method = request.method;
    this.headers = [...request.headers];
    this.target = splitTarget(request.url, getHeader(this.headers, "host") ?? null);
    this.connection = connection;
    this.#request = request;
  }

  /**
   * Throws a TypeError for a body that cannot be read, as `fetch` does. Otherwise the request would be sent without it.
   * The type cannot be trusted: the object may be made by hand.
   */
  get body(): ClientRequest["body"] {
    const body: ClientRequest["body"] | undefined = this.#request.body;
    if (body === null || body === undefined) return null;
    if (typeof body.getReader !== "function") {
      throw new TypeError("Cannot forward the request: its body must be a ReadableStream or null");
    }
    if (this.#request.bodyUsed || body.locked) {
      throw new TypeError("Cannot forward the request: its body has already been read");
    }
    return body;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}
