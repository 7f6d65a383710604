/**
 * The configuration as written: in TypeScript for the library, and in the same shape in a YAML or JSON file.
 *
 * Generated from the declarations in `fields.ts` by `deno task docs`. Do not edit.
 *
 * @module
 */

/** Configuration of conductor, an HTTP request multiplexer: listeners, limits, services and their routes. */
export interface ConfigInput {
  /** JSON Schema for editors. Has no effect. */
  readonly $schema?: string;
  /**
   * TCP port to listen on. 0 selects a free port. Not supported by `conductor()`: set the address of the server that
   * calls the handler.
   *
   * @default 8080
   */
  readonly port?: number;
  /**
   * Address to listen on. An IP address or a host name without port, or `unix:` and an absolute path.
   * `unix:/run/conductor.sock` is a Unix socket, for which `port` has no effect. Not supported by `conductor()`: set
   * the address of the server that calls the handler.
   *
   * @default "0.0.0.0"
   */
  readonly hostname?: string;
  /**
   * Permissions of the Unix socket: `"0660"`. Clients need write permission. Octal digits in quotes. Not supported by
   * `conductor()`: set the address of the server that calls the handler. Default: the system's for new files, usually
   * 0755.
   */
  readonly socketMode?: string;
  /**
   * Implementation of the listener: Deno's own server (`deno`), `node:http` (`node`), or the implementation that other
   * fields need (`auto`). `auto` selects `node` if the configuration has `clientTimeouts`, `limits.maxConnections`,
   * `limits.maxConnectionsPerClient`, or a service with `upgrade`; otherwise `deno`. Only `deno` serves HTTP/2. Not
   * supported by `conductor()`: choose the server that calls the handler.
   *
   * @default "auto"
   */
  readonly listener?: "auto" | "deno" | "node";
  /**
   * Timeouts for clients that send slowly, stay idle or do not read. Not supported by `conductor()`: set the timeouts
   * of the server that calls the handler. Default: the defaults of its fields with the node listener, otherwise none.
   */
  readonly clientTimeouts?: ClientTimeoutsInput;
  /**
   * Certificate and key for HTTPS, with HTTP/2 for clients that support it. Not supported by `conductor()`: give the
   * certificate to the server that calls the handler. Default: plain HTTP.
   */
  readonly tls?: TlsInput;
  /**
   * Timeout for the head of a response, and for each pause within a body. Seconds, or text with a unit: `"50ms"`,
   * `"2s"`, `"30m"`, `"1h"`.
   *
   * @default "30s"
   */
  readonly timeout?: TimeInput;
  /**
   * Services to wait for: `all` except shadows, or `primary` to respond as soon as the selection is decided.
   *
   * @default "all"
   */
  readonly wait?: "all" | "primary";
  /**
   * Status codes that count as failures. An empty list accepts every status. Codes, ranges and classes: `429`,
   * `"500-503"`, `"5xx"`.
   *
   * @default "5xx"
   */
  readonly failOn?: StatusInput | readonly StatusInput[];
  /**
   * Return the primary's failing response instead of a 502 if no service succeeds.
   *
   * @default false
   */
  readonly relayFailures?: boolean;
  /**
   * Remove the matched prefix from the path.
   *
   * @default false
   */
  readonly stripPrefix?: boolean;
  /**
   * Mirror only GET, HEAD and OPTIONS to shadows that have no `methods`.
   *
   * @default false
   */
  readonly safeShadows?: boolean;
  /**
   * Show the names of services to clients, in `X-Conductor-Service` and in error bodies, and return `X-Request-Id`.
   *
   * @default true
   */
  readonly identify?: boolean;
  /**
   * Add a `Server-Timing` field with the duration of each service, for browser tools.
   *
   * @default false
   */
  readonly serverTiming?: boolean;
  /**
   * Send an RFC 7239 `Forwarded` field to services, in addition to the `X-Forwarded-*` fields.
   *
   * @default false
   */
  readonly forwarded?: boolean;
  /**
   * Addresses of proxies in front of conductor whose forwarding fields are trusted. IP addresses, ranges in CIDR
   * notation, or `unix`. `unix` trusts every peer on a Unix socket.
   *
   * @default []
   */
  readonly trustProxy?: string | readonly string[];
  /**
   * Maximum size of a request body. Larger requests get 413. Bytes, or text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`.
   * Default: no limit.
   */
  readonly maxBodySize?: SizeInput;
  /**
   * Maximum size of one request body that is buffered for a slower service. Limits the memory per request. Bytes, or
   * text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`.
   *
   * @default "1MiB"
   */
  readonly bodyWindow?: SizeInput;
  /**
   * Timeout for silence in both directions of an upgraded connection. Seconds, or text with a unit: `"50ms"`, `"2s"`,
   * `"30m"`, `"1h"`.
   *
   * @default "5m"
   */
  readonly upgradeIdleTimeout?: TimeInput;
  /**
   * Limits on concurrent requests and on slow uploads.
   *
   * @default {}
   */
  readonly limits?: LimitsInput;
  /** Comparison of all services' responses with the primary's. `true` uses all defaults. Default: off. */
  readonly compare?: boolean | CompareInput;
  /**
   * Delay between a shutdown signal and the shutdown. Requests are still accepted, but `/readyz` is 503. Seconds, or
   * text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. Set it to the time that a load balancer needs to stop sending
   * requests, about `5s` in Kubernetes. Not supported by `conductor()` and `serve()`: wait before you shut down the
   * server.
   *
   * @default "0s"
   */
  readonly shutdownDelay?: TimeInput;
  /**
   * Timeout for requests and uploads in flight when the server shuts down or replaces its listener. Seconds, or text
   * with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. Not supported by `conductor()`: shut down the server that calls the
   * handler.
   *
   * @default "10s"
   */
  readonly shutdownTimeout?: TimeInput;
  /**
   * Log level, format and stream, and the access log. Not supported by `conductor()` and `serve()`: use the option
   * `observe`.
   *
   * @default {}
   */
  readonly logging?: LoggingInput;
  /**
   * Admin listener with health, metrics, live state and the dashboard, separate from the data port. Not supported by
   * `conductor()`: use `admin` of `createConductor()`, or `metrics.enabled`. Default: no such listener.
   */
  readonly admin?: AdminInput;
  /**
   * Path and format of the metrics, and their exposure on the data port.
   *
   * @default {}
   */
  readonly metrics?: MetricsInput;
  /** Services that requests are sent to. At least one. */
  readonly services: readonly ServiceInput[];
}

/** Timeouts of clients' connections. They need the node listener. */
export interface ClientTimeoutsInput {
  /**
   * Maximum time from the first byte of a request, or from the connection, to the end of its head. Seconds, or text
   * with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. A client that has sent a part of a head gets 408. A connection
   * without a byte is closed.
   *
   * @default "15s"
   */
  readonly header?: TimeInput;
  /**
   * Maximum time from the first byte of a request to the end of its body. A slower client gets 408. Seconds, or text
   * with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. Without it, `minUploadRate` and `timeout` limit uploads, which may
   * then take hours. Default: no limit.
   */
  readonly request?: TimeInput;
  /**
   * Maximum time between a response and the next request, after which the connection is closed. Seconds, or text with a
   * unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`.
   *
   * @default "75s"
   */
  readonly idle?: TimeInput;
  /**
   * Maximum time in which a client takes none of a response, after which the connection is closed. Seconds, or text
   * with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. No service is blamed: the attempt counts as cancelled by the
   * client.
   *
   * @default "60s"
   */
  readonly write?: TimeInput;
}

/** Certificate and private key of the server. */
export interface TlsInput {
  /** Certificate followed by its intermediate certificates. In a file: `${file:cert.pem}`. PEM text. */
  readonly cert: string;
  /** Unencrypted private key of the certificate. In a file: `${file:key.pem}`. PEM text. */
  readonly key: string;
}

/** Limits on concurrent requests and on slow uploads. */
export interface LimitsInput {
  /**
   * Maximum requests in flight. Further requests get 503 at once.
   *
   * @default 5000
   */
  readonly maxInFlight?: number;
  /**
   * Maximum requests in flight per client, which is an IPv4 address or an IPv6 /64 network. Further requests get 503 at
   * once. The fair share of a client (in IPv6 of a /48 network) falls as the load rises. One client alone gets 38 % of
   * `maxInFlight`. All clients behind a proxy that is not in `trustProxy` count as one. Default: a fair share.
   */
  readonly maxInFlightPerClient?: number;
  /**
   * Maximum requests in flight whose body has not arrived completely. Further requests get 503 at once. Uploads also
   * count towards `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the uploads of one client as well.
   * Default: half of `maxInFlight`.
   */
  readonly maxUploads?: number;
  /**
   * Minimum average rate of a request body, per second of waiting for the client. A slower upload gets 408. Bytes, or
   * text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`. The first `timeout` of waiting is free, and an upload is not
   * aborted while a response is being relayed. 0 accepts any rate.
   *
   * @default "240B"
   */
  readonly minUploadRate?: SizeInput;
  /**
   * Maximum upgraded connections. Further requests for an upgrade get 503 at once. They also count towards
   * `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the upgraded connections of one client as well.
   * Default: half of `maxInFlight`.
   */
  readonly maxTunnels?: number;
  /**
   * Maximum requests in flight per service, until their responses have been read. Further requests wait in a queue.
   * Default: no limit.
   */
  readonly maxConnectionsPerService?: number;
  /**
   * Maximum queued requests per service, sent in order of arrival. Further requests to it fail as `queue-full`.
   * Requests that have waited for the `timeout` of the service fail as `queue-timeout`.
   *
   * @default 0
   */
  readonly maxQueuedPerService?: number;
  /**
   * Maximum open connections of clients. Further connections get 503 and are closed. Needs the node listener. Not
   * supported by `conductor()`: limit the connections of the server that calls the handler. Default: no limit.
   */
  readonly maxConnections?: number;
  /**
   * Maximum open connections per client, which is an IPv4 address or an IPv6 /64 network. Further ones get 503 and are
   * closed. Needs the node listener. The peer's address counts, because a new connection has no `X-Forwarded-For` yet.
   * Addresses in `trustProxy` have no limit. Not supported by `conductor()`: limit the connections of the server that
   * calls the handler. Default: no limit.
   */
  readonly maxConnectionsPerClient?: number;
}

/** Comparison of responses with those of the primary. */
export interface CompareInput {
  /**
   * Ratio of requests whose responses are compared. A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`.
   *
   * @default 1
   */
  readonly sample?: RatioInput;
  /**
   * Maximum bytes of a body that are kept and compared value by value. Of further bytes, length and digest are
   * compared. Bytes, or text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`.
   *
   * @default "256KiB"
   */
  readonly maxBody?: SizeInput;
  /**
   * Header fields that are compared. Of `set-cookie`, the names and attributes of the cookies are compared.
   *
   * @default
   * ["content-type","location","cache-control","set-cookie","vary","allow","link","content-disposition","content-language","www-authenticate","retry-after","content-security-policy","content-security-policy-report-only","strict-transport-security","x-content-type-options","x-frame-options","referrer-policy","permissions-policy","cross-origin-opener-policy","cross-origin-embedder-policy","cross-origin-resource-policy","access-control-allow-origin","access-control-allow-credentials","access-control-allow-methods","access-control-allow-headers","access-control-expose-headers"]
   */
  readonly headers?: string | readonly string[];
  /**
   * Parts of a response that may differ, including everything inside them; everywhere, or at one endpoint. A JSON path
   * such as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`,
   * `"outcome"`, `"closeCode"` or `"body"`.
   *
   * @default []
   */
  readonly ignore?: IgnoreInput | readonly IgnoreInput[];
  /**
   * Replacements in texts before they are compared, applied in order. They apply to header values, JSON strings, form
   * fields and each line of other texts.
   *
   * @default []
   */
  readonly normalise?: NormaliseInput | readonly NormaliseInput[];
  /**
   * Array comparison: ordered, unordered, or the arrays whose order does not count. `"ordered"`, `"unordered"`, paths
   * of the unordered arrays (`"$.tags"`), or a mapping of such paths. Elements of unordered arrays are paired by the
   * members in `key`. Without it, a member with unique values in both arrays is detected.
   *
   * @default "ordered"
   */
  readonly arrays?: string | readonly string[] | ArraysInput;
  /**
   * Tolerated differences between numbers. The first rule that matches a number applies.
   *
   * @default []
   */
  readonly tolerance?: ToleranceInput | readonly ToleranceInput[];
  /**
   * Members of JSON objects for which null equals absence. `true` stands for whole bodies.
   *
   * @default false
   */
  readonly nullIsMissing?: boolean | string | readonly string[];
  /**
   * Texts in which upper and lower case are equal, such as the names of states. `true` stands for whole bodies.
   *
   * @default false
   */
  readonly ignoreCase?: boolean | string | readonly string[];
  /**
   * Times that are compared as instants, whatever their format and time zone. `true` stands for whole bodies. Formats
   * are RFC 3339, HTTP dates, and whole seconds or milliseconds since 1970 as numbers of 10 or 13 digits. A time
   * without a zone is a text.
   *
   * @default false
   */
  readonly instants?: boolean | string | readonly string[];
  /**
   * Texts whose numbers are compared by value, within `tolerance`. `true` stands for whole bodies. Numbers with leading
   * zeros, versions and dates are texts.
   *
   * @default false
   */
  readonly numericTexts?: boolean | string | readonly string[];
  /**
   * Status codes that are equivalent to each other. One group, or a list of groups: `[200, 204]`, `[[200, 204], [301,
   * 308]]`.
   *
   * @default []
   */
  readonly equivalentStatuses?: readonly StatusInput[] | readonly (readonly StatusInput[])[];
  /**
   * Values to redact, including everything inside them. Values with secret names are always redacted. A JSON path such
   * as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`, `"outcome"`,
   * `"closeCode"` or `"body"`. A redacted value is shown as a short keyed hash, which is the same for equal values.
   *
   * @default []
   */
  readonly redact?: string | readonly string[];
  /**
   * Content to keep of responses that differ: excerpts of values, whole bodies too, or nothing. Not supported by
   * `conductor()`: use `createConductor()`, or the events `compared` of the option `observe`.
   *
   * @default "values"
   */
  readonly samples?: "values" | "bodies" | "none";
  /**
   * Paths that count as one endpoint each. Endpoints of other requests are detected. A segment in braces matches any
   * segment: `"/users/{id}"`. Not supported by `conductor()`: use `createConductor()`, or the events `compared` of the
   * option `observe`.
   *
   * @default []
   */
  readonly endpoints?: string | readonly string[];
  /**
   * Place of the version of the service. Each version is counted apart; the verdict is about the newest. A header field
   * of the responses: `"header:x-version"`; or the path of a page: `"path:/version"`. `path:` is a status page of the
   * service: a `version` in JSON, or a short text. conductor requests it with GET, at most every 10 seconds, while
   * responses are compared. Not supported by `conductor()`: use `createConductor()`, or the events `compared` of the
   * option `observe`. Default: builds are not distinguished.
   */
  readonly version?: string;
  /**
   * Noise detection: `replay` sends GET, HEAD and `replayable` requests to the primary again; `off` detects no noise.
   *
   * @default "replay"
   */
  readonly noise?: "replay" | "off";
  /**
   * Ratio of compared requests that are replayed to the primary. A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`.
   *
   * @default 0.1
   */
  readonly noiseSample?: RatioInput;
  /**
   * Further requests that may be sent to the primary again, because they change nothing. A method and a path: `"POST
   * /graphql"`, `"POST /users/{id}/search"`. Bodies of more than 64 KiB, or without a `Content-Length`, are never sent
   * again.
   *
   * @default []
   */
  readonly replayable?: string | readonly string[];
  /**
   * Maximum memory of responses that wait to be compared. Further responses are not comparable. Bytes, or text with a
   * unit: `"64KiB"`, `"10MiB"`, `"1GB"`.
   *
   * @default "64MiB"
   */
  readonly maxMemory?: SizeInput;
}

/** Replacement in texts before they are compared. */
export interface NormaliseInput {
  /**
   * Pattern whose matches are replaced. Backreferences, lookahead and lookbehind are not supported. An ECMAScript
   * regular expression with the flags `gu`.
   */
  readonly pattern: string;
  /**
   * Replacement for each match. `$1` is the first group, `$<name>` a named one, `$&` the whole match.
   *
   * @default ""
   */
  readonly replacement?: string | number | boolean;
  /**
   * Path of the values to normalise, including all values inside them. A JSON path such as `"$.items[*].id"`,
   * `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`, `"outcome"`, `"closeCode"` or
   * `"body"`. Default: everywhere.
   */
  readonly path?: string;
}

/** Tolerated difference between two numbers. */
export interface ToleranceInput {
  /**
   * Maximum absolute difference.
   *
   * @default 0
   */
  readonly absolute?: number | string;
  /**
   * Maximum difference relative to the number with the larger magnitude. A ratio from 0 to 1, or a percentage: `0.1`,
   * `"10%"`.
   *
   * @default 0
   */
  readonly relative?: RatioInput;
  /**
   * Path of the numbers that the rule applies to, including all numbers inside. A JSON path: `"$.items[*].price"`.
   * Default: everywhere.
   */
  readonly path?: string;
}

/** Log level, format and stream, and the access log. */
export interface LoggingInput {
  /**
   * Minimum level of log lines. `fatal` of go-conductor becomes `error`.
   *
   * @default "info"
   */
  readonly level?: "debug" | "info" | "warn" | "error" | "fatal";
  /** Format of log lines. Default: `pretty` on a terminal, otherwise `json`. */
  readonly format?: "json" | "pretty";
  /**
   * Access log: one line for each request, at the end of its response. `combined` is the format of Apache and nginx.
   * The lines go to `output`, whatever the `level`, and replace the lines `request completed` at `info`. Above the
   * table of `--top`, they are not written.
   *
   * @default "off"
   */
  readonly access?: "off" | "json" | "combined";
  /**
   * Fields of a line in the access log with `access: json`, in this order. `client`: address of the client, beyond
   * trusted proxies. `method`: request method. `host`: authority that the client requested. `target`: path, and
   * `?[redacted]` for a query. `protocol`: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`. `status`: status of the response; 101
   * for an upgraded connection; 499 if the client disconnected earlier. `requestBytes`: bytes of the request body, or
   * of the client in an upgraded connection. `responseBytes`: bytes of the response body, or of the service in an
   * upgraded connection. `durationMs`: time until the end of the response or of the upgraded connection, in
   * milliseconds. `route`: pattern of the route. `service`: service whose response was selected. `refusal`: limit that
   * refused the request. `interrupted`: failure that broke off the response after its head. `attempts`: each attempt or
   * skip, once: service, outcome (status, failure, skip reason or `pending`) and duration. `referer`: `Referer` of the
   * request. `userAgent`: `User-Agent` of the request. `requestId`: `X-Request-Id`. `traceId`: trace of the request.
   * Default: all fields.
   */
  readonly accessFields?: AccessFieldInput | readonly AccessFieldInput[];
  /**
   * Stream for log lines. `file` of go-conductor becomes `stdout`.
   *
   * @default "stdout"
   */
  readonly output?: "stdout" | "stderr" | "file";
  /** Accepted for compatibility with go-conductor. Has no effect: redirect the output instead. */
  readonly file?: string;
  /** Accepted for compatibility with go-conductor. Has no effect: log lines do not name source lines. */
  readonly includeCaller?: boolean;
  /** Accepted for compatibility with go-conductor. Has no effect: times are written as RFC 3339 in UTC. */
  readonly timeFormat?: string;
  /** Accepted for compatibility with go-conductor. Has no effect: log lines always have a timestamp. */
  readonly disableTimestamp?: boolean;
}

/** Admin listener: health, metrics, live state and the dashboard. */
export interface AdminInput {
  /** TCP port of the admin listener. 0 selects a free port. Default: required, unless `hostname` is a Unix socket. */
  readonly port?: number;
  /**
   * Address of the admin listener. An address that other machines can reach requires a `token`. An IP address or a host
   * name without port, or `unix:` and an absolute path. `unix:/run/conductor.sock` is a Unix socket, for which `port`
   * has no effect.
   *
   * @default "127.0.0.1"
   */
  readonly hostname?: string;
  /**
   * Permissions of the Unix socket: `"0660"`. Clients need write permission. Octal digits in quotes. Default: the
   * system's for new files, usually 0755.
   */
  readonly socketMode?: string;
  /**
   * Token that clients of the admin listener must send: `${file:admin-token}`. 16 to 512 letters, digits and `-._~+/=`.
   * Default: none.
   */
  readonly token?: string;
}

/** Path and format of the metrics, and their exposure on the data port. */
export interface MetricsInput {
  /**
   * Serve metrics on `port` too, where any client can read them. A handler in another server then responds to
   * `endpoint`.
   *
   * @default false
   */
  readonly enabled?: boolean;
  /**
   * Path of the metrics. With `enabled`, it takes precedence over all routes.
   *
   * @default "/metrics"
   */
  readonly endpoint?: string;
  /**
   * Prefer Prometheus text over JSON if the client's `Accept` field allows both.
   *
   * @default false
   */
  readonly enablePrometheus?: boolean;
}

/** Fields of all entries of `services`. */
export interface CommonServiceInput {
  /**
   * Unique name, shown in logs, in `X-Conductor-Service` and in error bodies. Printable ASCII, up to 128 characters.
   */
  readonly name: string;
  /**
   * URL of the backend. A path in it is prepended to every request path. `http` or `https`, without credentials, query
   * and fragment; or a Unix socket: `unix:/run/app.sock`, or `http+unix://%2Frun%2Fapp.sock/base` with a base path.
   * Unix sockets are supported in Deno only; in other runtimes, requests to the service fail as `refused`.
   */
  readonly url: string | URL;
  /**
   * Certificate verification of an `https` backend, and the client certificate for it. Default: the certificate
   * authorities of the system.
   */
  readonly tls?: ServiceTlsInput;
  /**
   * Use HTTP/2, which the backend must support. Bun and Node negotiate the version themselves. It is negotiated by ALPN
   * with `https`, and used with prior knowledge with `http`. Trailers are not relayed over HTTP/2, so gRPC does not
   * work.
   *
   * @default false
   */
  readonly http2?: boolean;
  /**
   * Maximum age of a connection to the backend, reduced by up to 20 % at random. An older connection gets no further
   * request. Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. New connections resolve the name of the
   * backend again, so a changed DNS record takes effect. Requests in flight are not affected. Deno only: Bun and Node
   * manage their connections themselves.
   *
   * @default "5m"
   */
  readonly maxConnectionAge?: TimeInput;
  /** Exact paths to match. They take precedence over all prefixes. Default: see `path`. */
  readonly pathExact?: string | readonly string[];
  /** Path prefixes to match, in whole segments. The longest matching prefix wins. Default: see `path`. */
  readonly pathPrefix?: string | readonly string[];
  /**
   * Base paths, matched like prefixes if no `pathExact` or `pathPrefix` of any service matches. Default: `/` if there
   * is no other pattern.
   */
  readonly path?: string | readonly string[];
  /**
   * Timeout for the head of the response, and for each pause within a body. Seconds, or text with a unit: `"50ms"`,
   * `"2s"`, `"30m"`, `"1h"`. Default: the top level's.
   */
  readonly timeout?: TimeInput;
  /** Remove the matched prefix from the path. Default: the top level's. */
  readonly stripPrefix?: boolean;
  /**
   * Status codes that count as failures. An empty list accepts every status. Codes, ranges and classes: `429`,
   * `"500-503"`, `"5xx"`. Default: the top level's.
   */
  readonly failOn?: StatusInput | readonly StatusInput[];
  /**
   * `Host` field sent to the backend: the host of `url`, the client's, or a literal one. `"target"`, `"preserve"`, or a
   * host with or without a port.
   *
   * @default "target"
   */
  readonly host?: string;
  /**
   * Request header fields to set. They replace fields of the same name.
   *
   * @default {}
   */
  readonly headers?: HeadersInput;
  /**
   * Request header fields to remove.
   *
   * @default []
   */
  readonly removeHeaders?: string | readonly string[];
  /**
   * Header fields to set on this service's response if it is returned to the client.
   *
   * @default {}
   */
  readonly responseHeaders?: HeadersInput;
  /**
   * Protocols that a connection may switch to, such as WebSocket. `true` permits all protocols except HTTP and TLS.
   * Protocol names, with or without a version: `"websocket"`, `"mqtt/5"`. The service decides, and bytes are relayed in
   * both directions afterwards. Requires the `node` listener. A service without this field gets the request without
   * `Upgrade`. Default: off.
   */
  readonly upgrade?: boolean | string | readonly string[];
  /** Circuit breaker: stops requests to the service after repeated failures. `true` uses all defaults. Default: off. */
  readonly breaker?: boolean | BreakerInput;
  /**
   * Active health checks. An unhealthy service gets no requests. Not supported by `conductor()`: use
   * `createConductor()`, or `breaker`. Default: off.
   */
  readonly health?: HealthInput;
  /** Accepted for compatibility with go-conductor. Has no effect: every service of a route gets every request. */
  readonly weight?: number;
}

/** A service: one backend, its role and its routes. Its role is primary. */
export interface PrimaryServiceInput extends CommonServiceInput {
  /**
   * Prefer this service's response over those of secondaries.
   *
   * @default false
   */
  readonly primary: boolean;
  /**
   * Mirror requests to this service. Clients never wait for a shadow and never get its response.
   *
   * @default false
   */
  readonly shadow?: false;
  /**
   * Hedging: delays the request while earlier services in the file can still respond. `true` uses all defaults. The
   * request is sent if they are slow or fail. The slower attempts are cancelled. Not for shadows. Default: off: the
   * request is sent at once.
   */
  readonly hedge?: boolean | HedgeInput;
  /** Only with `shadow: true`. */
  readonly sample?: never;
  /** Only with `shadow: true`. */
  readonly ramp?: never;
  /** Only with `shadow: true`. */
  readonly methods?: never;
  /** Only with `shadow: true`. */
  readonly maxInFlight?: never;
  /** Only with `shadow: true`. */
  readonly maxRate?: never;
  /** Only with `shadow: true`. */
  readonly maxBodySize?: never;
  /** Only with `shadow: true`. */
  readonly body?: never;
  /** Only with `shadow: true`. */
  readonly credentials?: never;
  /** Not with `primary: true`. */
  readonly compare?: never;
  /** Not with `primary: true`. */
  readonly control?: false;
}

/** A service: one backend, its role and its routes. Its role is shadow. */
export interface ShadowServiceInput extends CommonServiceInput {
  /**
   * Prefer this service's response over those of secondaries.
   *
   * @default false
   */
  readonly primary?: false;
  /**
   * Mirror requests to this service. Clients never wait for a shadow and never get its response.
   *
   * @default false
   */
  readonly shadow: true;
  /** Not with `shadow: true`. */
  readonly hedge?: false;
  /**
   * Shadows only: ratio of requests that are mirrored, or of clients whose requests are mirrored. `"10%"` samples
   * requests, exactly over any 1,000 of them. `{ rate: "10%", by: "cookie:sid" }` samples clients. Default: all.
   */
  readonly sample?: RatioInput | SampleInput;
  /**
   * Shadows only: linear increase of the ratio, from the time at which the configuration takes effect. A reload that
   * does not change the ramp does not restart it. Default: none.
   */
  readonly ramp?: RampInput;
  /** Shadows only: methods of the requests that are mirrored. Default: all, or the safe ones with `safeShadows`. */
  readonly methods?: string | readonly string[];
  /**
   * Shadows only: maximum concurrent shadow requests. Requests above the limit are not mirrored. A shadow request is in
   * flight until its response has been read.
   *
   * @default 64
   */
  readonly maxInFlight?: number;
  /**
   * Shadows only: maximum shadow requests per second. Requests above the limit are not mirrored. Bursts of up to one
   * second's worth are allowed, and at least one request. Default: no limit.
   */
  readonly maxRate?: number | string;
  /**
   * Shadows only: maximum size of a request body that is mirrored. A shadow request whose body turns out larger is
   * aborted. Bytes, or text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`. Default: no limit.
   */
  readonly maxBodySize?: SizeInput;
  /**
   * Shadows only: mirror the request body. Without it, header fields that describe the body are removed too.
   *
   * @default true
   */
  readonly body?: boolean;
  /**
   * Shadows only: mirror header fields and parameters with secret names, such as cookies. `headers` may still set such
   * fields.
   *
   * @default true
   */
  readonly credentials?: boolean;
  /**
   * Comparison of this service's responses with the primary's: on, off, or with other settings. Lists of rules are
   * extended: the items here come before those of the top level. Not for a primary. Default: the top level's.
   */
  readonly compare?: boolean | ServiceCompareInput;
  /**
   * Mark this service as equivalent to the primary, so that differences between the two are noise. Other services'
   * differences that the control shows as often do not count.
   *
   * @default false
   */
  readonly control?: boolean;
}

/** A service: one backend, its role and its routes. Its role is shadow or secondary. */
export interface ShadowOrSecondaryServiceInput extends CommonServiceInput {
  /**
   * Prefer this service's response over those of secondaries.
   *
   * @default false
   */
  readonly primary?: false;
  /**
   * Mirror requests to this service. Clients never wait for a shadow and never get its response.
   *
   * @default false
   */
  readonly shadow: boolean;
  /** Not with `shadow: true`. */
  readonly hedge?: false;
  /** Only with `shadow: true`. */
  readonly sample?: never;
  /** Only with `shadow: true`. */
  readonly ramp?: never;
  /** Only with `shadow: true`. */
  readonly methods?: never;
  /** Only with `shadow: true`. */
  readonly maxInFlight?: never;
  /** Only with `shadow: true`. */
  readonly maxRate?: never;
  /** Only with `shadow: true`. */
  readonly maxBodySize?: never;
  /** Only with `shadow: true`. */
  readonly body?: never;
  /** Only with `shadow: true`. */
  readonly credentials?: never;
  /**
   * Comparison of this service's responses with the primary's: on, off, or with other settings. Lists of rules are
   * extended: the items here come before those of the top level. Not for a primary. Default: the top level's.
   */
  readonly compare?: boolean | ServiceCompareInput;
  /**
   * Mark this service as equivalent to the primary, so that differences between the two are noise. Other services'
   * differences that the control shows as often do not count.
   *
   * @default false
   */
  readonly control?: boolean;
}

/** A service: one backend, its role and its routes. Its role is secondary. */
export interface SecondaryServiceInput extends CommonServiceInput {
  /**
   * Prefer this service's response over those of secondaries.
   *
   * @default false
   */
  readonly primary?: false;
  /**
   * Mirror requests to this service. Clients never wait for a shadow and never get its response.
   *
   * @default false
   */
  readonly shadow?: false;
  /**
   * Hedging: delays the request while earlier services in the file can still respond. `true` uses all defaults. The
   * request is sent if they are slow or fail. The slower attempts are cancelled. Not for shadows. Default: off: the
   * request is sent at once.
   */
  readonly hedge?: boolean | HedgeInput;
  /** Only with `shadow: true`. */
  readonly sample?: never;
  /** Only with `shadow: true`. */
  readonly ramp?: never;
  /** Only with `shadow: true`. */
  readonly methods?: never;
  /** Only with `shadow: true`. */
  readonly maxInFlight?: never;
  /** Only with `shadow: true`. */
  readonly maxRate?: never;
  /** Only with `shadow: true`. */
  readonly maxBodySize?: never;
  /** Only with `shadow: true`. */
  readonly body?: never;
  /** Only with `shadow: true`. */
  readonly credentials?: never;
  /**
   * Comparison of this service's responses with the primary's: on, off, or with other settings. Lists of rules are
   * extended: the items here come before those of the top level. Not for a primary. Default: the top level's.
   */
  readonly compare?: boolean | ServiceCompareInput;
  /**
   * Mark this service as equivalent to the primary, so that differences between the two are noise. Other services'
   * differences that the control shows as often do not count.
   *
   * @default false
   */
  readonly control?: boolean;
}

/** A service: one backend, its role and its routes. */
export type ServiceInput =
  | PrimaryServiceInput
  | ShadowServiceInput
  | ShadowOrSecondaryServiceInput
  | SecondaryServiceInput;

/** Certificate verification of an `https` backend, and the client certificate for it. */
export interface ServiceTlsInput {
  /** Additional certificate authorities to trust for this backend: `${file:ca.pem}`. PEM text. Default: none. */
  readonly ca?: string;
  /**
   * Server name for SNI and for verifying the certificate. A DNS name. Supported in Deno only; in other runtimes,
   * requests to the service fail as `tls`. Default: the host of `url`.
   */
  readonly serverName?: string;
  /**
   * Skip certificate verification. Insecure; for test environments only. Supported in Deno only; other runtimes always
   * verify.
   *
   * @default false
   */
  readonly insecure?: boolean;
  /**
   * Client certificate, followed by its intermediate certificates, for backends that require one: `${file:client.pem}`.
   * PEM text. Supported in Deno only; in other runtimes, requests to the service fail as `tls`. Default: none.
   */
  readonly cert?: string;
  /** Unencrypted private key of `cert`: `${file:client.key}`. PEM text. Default: none. */
  readonly key?: string;
}

/** Circuit breaker of a service. */
export interface BreakerInput {
  /**
   * Failures within the last `window` attempts that open the breaker.
   *
   * @default 5
   */
  readonly failures?: number;
  /**
   * Number of most recent attempts in which failures count. Default: `failures`, so that only consecutive failures open
   * the breaker.
   */
  readonly window?: number;
  /**
   * Time that the breaker stays open before it sends one probe request. Doubles after each failed probe. Seconds, or
   * text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`.
   *
   * @default "5s"
   */
  readonly openFor?: TimeInput;
  /**
   * Upper limit of `openFor` when it doubles. Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. Default:
   * the larger of 1m and `openFor`.
   */
  readonly maxOpenFor?: TimeInput;
}

/** Active health checks of a service. */
export interface HealthInput {
  /** Path of the check, requested with GET. The path of `url` is prepended. A path with or without a query. */
  readonly path: string;
  /**
   * Pause between two checks, with 10 % jitter. Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`.
   *
   * @default "10s"
   */
  readonly interval?: TimeInput;
  /**
   * Timeout for the complete response of a check. Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`.
   *
   * @default "5s"
   */
  readonly timeout?: TimeInput;
  /**
   * Number of consecutive failed checks before marking a healthy service as unhealthy.
   *
   * @default 3
   */
  readonly unhealthyAfter?: number;
  /**
   * Number of consecutive successful checks before marking an unhealthy service as healthy.
   *
   * @default 2
   */
  readonly healthyAfter?: number;
  /**
   * Status codes of a successful check. Codes, ranges and classes: `429`, `"500-503"`, `"5xx"`.
   *
   * @default "200-399"
   */
  readonly expect?: StatusInput | readonly StatusInput[];
}

/** Hedging: delayed requests to a service that stands in for slow or failed ones. */
export interface HedgeInput {
  /**
   * Delay before the request is sent: a time, or a percentile of the latency of the earlier services. Seconds, or text
   * with a unit: `"50ms"`; or a percentile from `"p50"` to `"p99.9"`. A percentile applies while the earlier services
   * have responded 100 times within a minute.
   *
   * @default "p95"
   */
  readonly after?: TimeInput | `p${number}` | `P${number}`;
  /**
   * Maximum ratio of hedged requests to the responses of the earlier services. 100% means no limit. A ratio from 0 to
   * 1, or a percentage: `0.1`, `"10%"`. With 0, requests are sent only after all earlier services have failed.
   *
   * @default "10%"
   */
  readonly maxExtra?: RatioInput;
  /**
   * Hedge methods other than GET, HEAD and OPTIONS as well. Two services can then execute the same request. Without it,
   * such a request is sent only if it was never sent to the earlier services.
   *
   * @default false
   */
  readonly unsafe?: boolean;
}

/** Sampling of clients instead of requests. */
export interface SampleInput {
  /**
   * Ratio of clients whose requests are mirrored. The same clients are chosen each time. A ratio from 0 to 1, or a
   * percentage: `0.1`, `"10%"`. Default: all.
   */
  readonly rate?: RatioInput;
  /**
   * Identity of a client. Requests without it are not mirrored. `"header:x-user"`, `"cookie:sid"` or `"ip"`, which is
   * the IPv4 address or the IPv6 /64 network.
   */
  readonly by: string;
}

/** Linear ramp of a sampling ratio. */
export interface RampInput {
  /**
   * Ratio at the start of the ramp. A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`.
   *
   * @default 0
   */
  readonly from?: RatioInput;
  /**
   * Ratio at the end of the ramp. A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`. Default: the ratio of `sample`.
   */
  readonly to?: RatioInput;
  /** Duration of the ramp. Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`. */
  readonly over: TimeInput;
}

/** Comparison of one service's responses, with the top level's settings for all absent fields. */
export interface ServiceCompareInput {
  /**
   * Ratio of requests whose responses are compared. A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`. Default: the
   * top level's.
   */
  readonly sample?: RatioInput;
  /**
   * Maximum bytes of a body that are kept and compared value by value. Of further bytes, length and digest are
   * compared. Bytes, or text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`. Default: the top level's.
   */
  readonly maxBody?: SizeInput;
  /**
   * Header fields that are compared. Of `set-cookie`, the names and attributes of the cookies are compared. Default:
   * the top level's.
   */
  readonly headers?: string | readonly string[];
  /**
   * Parts of a response that may differ, including everything inside them; everywhere, or at one endpoint. A JSON path
   * such as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`,
   * `"outcome"`, `"closeCode"` or `"body"`. Default: those of the top level, which always come last.
   */
  readonly ignore?: IgnoreInput | readonly IgnoreInput[];
  /**
   * Replacements in texts before they are compared, applied in order. They apply to header values, JSON strings, form
   * fields and each line of other texts. Default: those of the top level, which always come last.
   */
  readonly normalise?: NormaliseInput | readonly NormaliseInput[];
  /**
   * Array comparison: ordered, unordered, or the arrays whose order does not count. `"ordered"`, `"unordered"`, paths
   * of the unordered arrays (`"$.tags"`), or a mapping of such paths. Elements of unordered arrays are paired by the
   * members in `key`. Without it, a member with unique values in both arrays is detected. Default: the top level's.
   */
  readonly arrays?: string | readonly string[] | ArraysInput;
  /**
   * Tolerated differences between numbers. The first rule that matches a number applies. Default: those of the top
   * level, which always come last.
   */
  readonly tolerance?: ToleranceInput | readonly ToleranceInput[];
  /**
   * Members of JSON objects for which null equals absence. `true` stands for whole bodies. Default: the top level's.
   */
  readonly nullIsMissing?: boolean | string | readonly string[];
  /**
   * Texts in which upper and lower case are equal, such as the names of states. `true` stands for whole bodies.
   * Default: the top level's.
   */
  readonly ignoreCase?: boolean | string | readonly string[];
  /**
   * Times that are compared as instants, whatever their format and time zone. `true` stands for whole bodies. Formats
   * are RFC 3339, HTTP dates, and whole seconds or milliseconds since 1970 as numbers of 10 or 13 digits. A time
   * without a zone is a text. Default: the top level's.
   */
  readonly instants?: boolean | string | readonly string[];
  /**
   * Texts whose numbers are compared by value, within `tolerance`. `true` stands for whole bodies. Numbers with leading
   * zeros, versions and dates are texts. Default: the top level's.
   */
  readonly numericTexts?: boolean | string | readonly string[];
  /**
   * Status codes that are equivalent to each other. One group, or a list of groups: `[200, 204]`, `[[200, 204], [301,
   * 308]]`. Default: the top level's.
   */
  readonly equivalentStatuses?: readonly StatusInput[] | readonly (readonly StatusInput[])[];
  /**
   * Values to redact, including everything inside them. Values with secret names are always redacted. A JSON path such
   * as `"$.items[*].id"`, `"$..updatedAt"` or `"$.meta.*"`; `"header:date"`, `"form:csrf"`, `"status"`, `"outcome"`,
   * `"closeCode"` or `"body"`. A redacted value is shown as a short keyed hash, which is the same for equal values.
   * Default: those of the top level, which always come last.
   */
  readonly redact?: string | readonly string[];
  /**
   * Content to keep of responses that differ: excerpts of values, whole bodies too, or nothing. Not supported by
   * `conductor()`: use `createConductor()`, or the events `compared` of the option `observe`. Default: the top level's.
   */
  readonly samples?: "values" | "bodies" | "none";
  /**
   * Paths that count as one endpoint each. Endpoints of other requests are detected. A segment in braces matches any
   * segment: `"/users/{id}"`. Not supported by `conductor()`: use `createConductor()`, or the events `compared` of the
   * option `observe`. Default: those of the top level, which always come last.
   */
  readonly endpoints?: string | readonly string[];
  /**
   * Place of the version of the service. Each version is counted apart; the verdict is about the newest. A header field
   * of the responses: `"header:x-version"`; or the path of a page: `"path:/version"`. `path:` is a status page of the
   * service: a `version` in JSON, or a short text. conductor requests it with GET, at most every 10 seconds, while
   * responses are compared. Not supported by `conductor()`: use `createConductor()`, or the events `compared` of the
   * option `observe`. Default: the top level's.
   */
  readonly version?: string;
}

/** A time in seconds, or with a unit: `2`, `"50ms"`, `"2s"`, `"30m"`, `"1h"`. */
export type TimeInput = number | `${number}` | `${number}${"" | " "}${"ms" | "s" | "m" | "h"}`;

/** A status code, or a range or class of them: `429`, `"500-503"`, `"5xx"`. */
export type StatusInput = number | string;

/** A size in bytes, or with a unit: `65536`, `"64KiB"`, `"10MiB"`, `"1GB"`. */
export type SizeInput = number | `${number}` | `${number}${string}B`;

/** A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`. */
export type RatioInput = number | `${number}` | `${number}${"" | " "}%`;

/** A path, or a path at one endpoint as the report names it: `{ endpoint: "GET /orders/{id}", path: "$.id" }`. */
export type IgnoreInput = string | { readonly endpoint: string; readonly path: string };

/**
 * Paths of unordered arrays, with the members that identify an element: `{ "$.items": { key: "id" } }`. `"unordered"`:
 * such a member is detected.
 */
export type ArraysInput = Readonly<Record<string, "unordered" | { readonly key: string | readonly string[] }>>;

/** Field of a line in the access log. */
export type AccessFieldInput =
  | "client"
  | "method"
  | "host"
  | "target"
  | "protocol"
  | "status"
  | "requestBytes"
  | "responseBytes"
  | "durationMs"
  | "route"
  | "service"
  | "refusal"
  | "interrupted"
  | "attempts"
  | "referer"
  | "userAgent"
  | "requestId"
  | "traceId";

/** Header names and their values. */
export type HeadersInput = Readonly<Record<string, string | number | boolean>>;
