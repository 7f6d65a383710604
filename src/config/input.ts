/** The configuration as it is written: in TypeScript for the library, and in the same shape in a YAML or JSON file. */

/** The configuration. */
export interface ConfigInput {
  /** The JSON Schema for editors; not read. */
  readonly $schema?: string;
  /**
   * The TCP port to listen on; 0 takes any free one.
   *
   * @default 8080
   */
  readonly port?: number;
  /**
   * The address to listen on.
   *
   * @default "0.0.0.0"
   */
  readonly hostname?: string;
  /**
   * Serves HTTPS, with HTTP/2 for clients that can. Of no use to a handler in a server of one's own. Absent: plain HTTP.
   */
  readonly tls?: TlsInput;
  /**
   * The longest wait for a response's head, and for the next piece of a body. Seconds, or text with a unit: `"50ms"`.
   *
   * @default 30
   */
  readonly timeout?: number | string;
  /**
   * What is waited for: until all services but shadows have answered, or only until the answer is decided.
   *
   * @default "all"
   */
  readonly wait?: "all" | "primary";
  /**
   * Status codes that count as a failure; with an empty list none does. Codes, ranges and classes: `429`, `"500-503"`.
   *
   * @default "5xx"
   */
  readonly failOn?: StatusInput | readonly StatusInput[];
  /**
   * Whether the primary's own failing response is relayed when no service succeeded, in place of a 502.
   *
   * @default false
   */
  readonly relayFailures?: boolean;
  /**
   * Whether the matched prefix is taken off the path.
   *
   * @default false
   */
  readonly stripPrefix?: boolean;
  /**
   * Whether shadows get GET, HEAD and OPTIONS only, unless their `methods` name others.
   *
   * @default false
   */
  readonly safeShadows?: boolean;
  /**
   * Whether clients are told the names of services, in `X-Conductor-Service` and in error bodies.
   *
   * @default true
   */
  readonly identify?: boolean;
  /**
   * Whether responses say in `Server-Timing` how long each service took, for the tools of browsers.
   *
   * @default false
   */
  readonly serverTiming?: boolean;
  /**
   * Whether services get an RFC 7239 `Forwarded` field beside `X-Forwarded-For` and its like.
   *
   * @default false
   */
  readonly forwarded?: boolean;
  /**
   * Proxies in front of this one whose forwarding fields are believed. IP addresses or CIDR ranges.
   *
   * @default []
   */
  readonly trustProxy?: string | readonly string[];
  /**
   * The largest request body; a larger one is answered with 413. Bytes, or text with a unit: `"10MiB"`. Absent: no limit.
   */
  readonly maxBodySize?: number | string;
  /**
   * How much of one request body may wait for one service; bounds the memory for a request. Bytes, or text with a unit.
   *
   * @default "1MiB"
   */
  readonly bodyWindow?: number | string;
  /**
   * How much there may be at once.
   *
   * @default {}
   */
  readonly limits?: LimitsInput;
  /** Compares the answers of all services with the primary's; `true` takes all defaults. Absent, or `false`: off. */
  readonly compare?: boolean | CompareInput;
  /**
   * How long a shutdown waits for requests in flight. Seconds, or text with a unit.
   *
   * @default 10
   */
  readonly shutdownTimeout?: number | string;
  /**
   * What is logged, where and how.
   *
   * @default {}
   */
  readonly logging?: LoggingInput;
  /**
   * A second listener: health, metrics, what is going on, and the dashboard; never on the data port. Of no use to a
   * handler in a server of one's own. Absent: no such listener.
   */
  readonly admin?: AdminInput;
  /**
   * Counts and durations of requests and services: where they are served, and how.
   *
   * @default {}
   */
  readonly metrics?: MetricsInput;
  /** The backends. At least one. */
  readonly services: readonly ServiceInput[];
}

/** One backend. */
export interface ServiceInput {
  /** The name in logs, in `X-Conductor-Service` and in error bodies; unique. Printable ASCII, up to 128 characters. */
  readonly name: string;
  /**
   * Where the backend is; a path in it is kept in front of every request path. `http` or `https`, without credentials,
   * query and fragment.
   */
  readonly url: string;
  /** How an `https` backend proves that it is the right one. Absent: by a certificate that the system trusts. */
  readonly tls?: ServiceTlsInput;
  /**
   * Whether the backend is reached with HTTP/2, which it must speak; Bun and Node decide for themselves. By ALPN with
   * `https`, by prior knowledge with `http`.
   *
   * @default false
   */
  readonly http2?: boolean;
  /**
   * Whether this service's response is the one to return.
   *
   * @default false
   */
  readonly primary?: boolean;
  /**
   * Whether this service only gets a copy, which is never waited for and never answers the client.
   *
   * @default false
   */
  readonly shadow?: boolean;
  /** Matches exactly this path, or one of these; stronger than any prefix. */
  readonly pathExact?: string | readonly string[];
  /** Matches this path and all below it, in whole segments; the longest prefix wins. */
  readonly pathPrefix?: string | readonly string[];
  /**
   * The base path, matched like a prefix where neither `pathExact` nor `pathPrefix` of any service matches. Absent, and
   * no other pattern given: `/`.
   */
  readonly path?: string | readonly string[];
  /**
   * The longest wait for the response's head, and for the next piece of a body. Seconds, or text with a unit. Absent: the
   * top level's.
   */
  readonly timeout?: number | string;
  /** Whether the matched prefix is taken off the path. Absent: the top level's. */
  readonly stripPrefix?: boolean;
  /** Status codes that count as a failure; with an empty list none does. Absent: the top level's. */
  readonly failOn?: StatusInput | readonly StatusInput[];
  /**
   * The Host field that the backend sees: that of its URL, the client's, or a literal one. `"target"`, `"preserve"`, or a
   * host with or without a port.
   *
   * @default "target"
   */
  readonly host?: string;
  /**
   * Request header fields to set, in place of the client's.
   *
   * @default {}
   */
  readonly headers?: HeadersInput;
  /**
   * Request header fields to drop.
   *
   * @default []
   */
  readonly removeHeaders?: string | readonly string[];
  /**
   * Header fields to set on a response of this service that is returned.
   *
   * @default {}
   */
  readonly responseHeaders?: HeadersInput;
  /** When the service counts as down and is left alone for a while; `true` takes all defaults. Absent, or `false`: never. */
  readonly breaker?: boolean | BreakerInput;
  /**
   * How conductor's own server checks the service; it is left alone while it does not answer well. Of no use to a handler
   * in a server of one's own. Absent: it is not checked.
   */
  readonly health?: HealthInput;
  /**
   * Holds the request back while those before it in the file may still answer; `true` takes all defaults. It is sent when
   * they have not answered for a while, or have failed; whoever loses is cancelled. Not for shadows. Absent, or `false`: it
   * is sent at once.
   */
  readonly hedge?: boolean | HedgeInput;
  /**
   * Shadows only: the share of the requests that are copied, or of the clients whose requests are. `0.1` or `"10%"` of the
   * requests, exact over any 1,000 of them; `{ rate: "10%", by: "cookie:sid" }` of the clients, always the same ones.
   * Absent: all.
   */
  readonly sample?: number | string | SampleInput;
  /**
   * Shadows only: raises the share evenly from the moment the configuration is first in force. A reload that leaves it as
   * it is does not start it anew. Absent: none.
   */
  readonly ramp?: RampInput;
  /** Shadows only: the methods of the requests that are copied. Absent: all, or the safe ones with `safeShadows`. */
  readonly methods?: string | readonly string[];
  /**
   * Shadows only: copies in flight, until their answer has been read; what comes above is not sent. Absent: 64.
   */
  readonly maxInFlight?: number;
  /**
   * Shadows only: copies per second; what comes above is not sent. As many as in one second, at least one, may come at
   * once. Absent: no limit.
   */
  readonly maxRate?: number | string;
  /**
   * Shadows only: the largest body that is copied; a copy that turns out larger on its way is cut off. Bytes, or text with
   * a unit. Absent: no limit.
   */
  readonly maxBodySize?: number | string;
  /** Shadows only: whether the copy has the request's body. Without it, it has none of the fields about it. Absent: true. */
  readonly body?: boolean;
  /**
   * Shadows only: mirror header fields and parameters with secret names, such as cookies. `headers` may still set such
   * fields. Absent: true.
   */
  readonly credentials?: boolean;
  /**
   * Whether this service's answers are compared with the primary's, and how. Not for a primary. Absent: the top level's;
   * what a mapping does not say is the top level's too, and its `ignore`, `normalise`, `tolerance`, `redact` and
   * `endpoints` stand in front of those there.
   */
  readonly compare?: boolean | ServiceCompareInput;
  /**
   * Whether this service is what the primary is: what differs between the two differs by itself. Where there is one, and
   * answers are compared, differences that it shows as often do not count against the other services.
   *
   * @default false
   */
  readonly control?: boolean;
  /** Accepted for go-conductor's files. */
  readonly weight?: number;
}

/** What the server proves its name with. */
export interface TlsInput {
  /** The certificate, followed by those between it and its authority; in a file, `${file:cert.pem}`. PEM text. */
  readonly cert: string;
  /** The certificate's private key, not encrypted; in a file, `${file:key.pem}`. PEM text. */
  readonly key: string;
}

/** How much there may be at once. */
export interface LimitsInput {
  /**
   * Maximum requests in flight; further ones get 503 at once.
   *
   * @default 5000
   */
  readonly maxInFlight?: number;
  /**
   * Maximum requests in flight of one client, which is an IPv4 address or an IPv6 /64 network; further ones get 503 at
   * once. Absent: a fair share per client (in IPv6 per /48 network), which falls as the load rises. One client alone
   * gets 38 % of `maxInFlight`, and so do all clients together behind a proxy that `trustProxy` does not name.
   */
  readonly maxInFlightPerClient?: number;
  /**
   * Maximum requests in flight whose body has not arrived completely; further ones get 503 at once. They also count
   * towards `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the uploads of one client as well. Absent:
   * half of `maxInFlight`.
   */
  readonly maxUploads?: number;
  /**
   * Minimum size of the request body that arrives per second, as an average over the time spent waiting for the client.
   * The first `timeout` of waiting is free. A slower upload gets 408, except while a response is being relayed;
   * 0 accepts any rate.
   *
   * @default "240B"
   */
  readonly minUploadRate?: number | string;
  /**
   * Maximum requests in flight to one service, until its responses have been read; further ones wait, see
   * `maxQueuedPerService`. Absent: no limit.
   */
  readonly maxConnectionsPerService?: number;
  /**
   * Maximum requests that wait in order of arrival if `maxConnectionsPerService` is reached. Further requests are not
   * sent and fail as `queue-full`, requests that have waited for the service's `timeout` as `queue-timeout`.
   *
   * @default 0
   */
  readonly maxQueuedPerService?: number;
}

/** How a backend proves that it is the right one. */
export interface ServiceTlsInput {
  /**
   * Authorities that may vouch for the backend beside those that the system trusts: `${file:ca.pem}`. PEM text. Absent:
   * none.
   */
  readonly ca?: string;
  /**
   * The name that is asked for (SNI), and that the certificate must be for. A DNS name. Absent: the host of `url`. Only in
   * Deno: elsewhere the service fails as `tls`.
   */
  readonly serverName?: string;
  /**
   * Whether nothing about the certificate is verified: whoever answers is believed. Only in Deno: elsewhere it is verified.
   *
   * @default false
   */
  readonly insecure?: boolean;
}

/** When a service counts as down. */
export interface BreakerInput {
  /**
   * How many of the last `window` attempts must have failed for it to open.
   *
   * @default 5
   */
  readonly failures?: number;
  /** How many attempts are looked back at. Absent: as many as `failures`, which must then come in a row. */
  readonly window?: number;
  /**
   * How long nothing is sent before one request may tell how the service is; doubled each time that one fails. Seconds,
   * or text with a unit.
   *
   * @default 5
   */
  readonly openFor?: number | string;
  /** How far `openFor` is doubled. Seconds, or text with a unit. Absent: a minute, or `openFor` where that is longer. */
  readonly maxOpenFor?: number | string;
}

/** How a service is checked. */
export interface HealthInput {
  /** What is asked for, with GET; the path of `url` is kept in front of it. It may have a query. */
  readonly path: string;
  /**
   * The pause between two checks, give or take a tenth. Seconds, or text with a unit.
   *
   * @default 10
   */
  readonly interval?: number | string;
  /**
   * The longest wait for the whole answer. Seconds, or text with a unit.
   *
   * @default 5
   */
  readonly timeout?: number | string;
  /**
   * How many checks in a row must have failed for the service to count as unhealthy.
   *
   * @default 3
   */
  readonly unhealthyAfter?: number;
  /**
   * How many checks in a row must have succeeded for it to count as healthy again.
   *
   * @default 2
   */
  readonly healthyAfter?: number;
  /**
   * Status codes that count as a success. Codes, ranges and classes.
   *
   * @default "200-399"
   */
  readonly expect?: StatusInput | readonly StatusInput[];
}

/** How a service's copy is held back. */
export interface HedgeInput {
  /**
   * How long those before it may go without an answer: a time, or a percentile of how long they take. Seconds, or text with
   * a unit: `"50ms"`; or `"p50"` to `"p99.9"`, which holds for as long as it takes them to have answered 100 times within a
   * minute.
   *
   * @default "p95"
   */
  readonly after?: number | string;
  /**
   * How many late requests it may get, as a share of those that the ones before it answered; 100% is no limit. `0.1` or
   * `"10%"`; with 0 it only stands in where all before it have failed.
   *
   * @default "10%"
   */
  readonly maxExtra?: number | string;
  /**
   * Whether methods other than GET, HEAD and OPTIONS are hedged, and may so be carried out twice. Without it, such a request
   * is sent on only where those before it were never sent it.
   *
   * @default false
   */
  readonly unsafe?: boolean;
}

/** Which clients' requests are copied. */
export interface SampleInput {
  /** The share of the clients whose requests are copied. Absent: all, or what `ramp` says. */
  readonly rate?: number | string;
  /**
   * What a client is known by; a request without it is not copied. `"header:x-user"`, `"cookie:sid"` or `"ip"`, which is
   * its IPv4 address or IPv6 /64 network.
   */
  readonly by: string;
}

/** How a share rises. */
export interface RampInput {
  /**
   * The share at the beginning.
   *
   * @default 0
   */
  readonly from?: number | string;
  /** The share at the end. Absent: the share that `sample` gives. */
  readonly to?: number | string;
  /** How long it takes from the one to the other. Seconds, or text with a unit: `"30m"`. */
  readonly over: number | string;
}

/** A second listener, for those who look after the server. */
export interface AdminInput {
  /** The TCP port of the admin listener; 0 takes any free one. */
  readonly port: number;
  /**
   * The address of the admin listener; one that other machines can reach needs a `token`.
   *
   * @default "127.0.0.1"
   */
  readonly hostname?: string;
  /** What who asks must know, at least 16 characters: `${file:admin-token}`. Absent: nothing. */
  readonly token?: string;
}

/** How answers are compared. */
export interface CompareInput {
  /**
   * The share of the requests whose answers are compared.
   *
   * @default 1
   */
  readonly sample?: number | string;
  /**
   * Largest body that is compared, as sent and decoded; responses with a larger one are not comparable. Bytes, or text
   * with a unit.
   *
   * @default "256KiB"
   */
  readonly maxBody?: number | string;
  /**
   * Header fields that are compared; of `set-cookie` only the names of the cookies.
   *
   * @default ["content-type","location","cache-control","set-cookie"]
   */
  readonly headers?: string | readonly string[];
  /**
   * What may differ, with all that is inside it. `"$.items[*].id"`, `"$..updatedAt"`, `"$.meta.*"`, `"header:date"`,
   * `"status"`, `"form:csrf"`, `"body"`.
   *
   * @default []
   */
  readonly ignore?: string | readonly string[];
  /**
   * What is replaced in texts before they are compared, in the order of the list. In header values, in the strings of
   * JSON, in form fields, and in each line of other texts; texts of more than 1,024 characters stay as they are.
   *
   * @default []
   */
  readonly normalise?: NormaliseInput | readonly NormaliseInput[];
  /**
   * Whether the order of elements counts, or the arrays in which it does not. `"unordered"` for all of them, or JSON
   * paths: `"$.tags"`.
   *
   * @default "ordered"
   */
  readonly arrays?: string | readonly string[];
  /**
   * How far numbers may be apart; the first rule about a number decides.
   *
   * @default []
   */
  readonly tolerance?: ToleranceInput | readonly ToleranceInput[];
  /**
   * Whose values are never shown, with all that is inside, beside those whose name says that they are secret. Of such a
   * value only a short keyed hash is shown, which tells whether two are the same.
   *
   * @default []
   */
  readonly redact?: string | readonly string[];
  /**
   * What is kept of answers that differ: short texts of the values, the whole bodies too, or nothing.
   *
   * @default "values"
   */
  readonly samples?: "values" | "bodies" | "none";
  /**
   * Paths that count as one endpoint each; those of other requests are found by looking at them. `"/users/{id}"`: a
   * segment in braces may be anything.
   *
   * @default []
   */
  readonly endpoints?: string | readonly string[];
  /**
   * How it is found out what differs by itself: GET and HEAD are sent to the primary again, or not at all.
   *
   * @default "replay"
   */
  readonly noise?: "replay" | "off";
  /**
   * The share of the compared requests that are sent to the primary again.
   *
   * @default 0.1
   */
  readonly noiseSample?: number | string;
  /**
   * Maximum memory of responses that wait to be compared; further responses are not comparable. Bytes, or text with a
   * unit.
   *
   * @default "64MiB"
   */
  readonly maxMemory?: number | string;
}

/** How one service's answers are compared. */
export interface ServiceCompareInput {
  /** The share of the requests whose answers are compared. Absent: the top level's. */
  readonly sample?: number | string;
  /**
   * Largest body that is compared, as sent and decoded; responses with a larger one are not comparable. Bytes, or text
   * with a unit. Absent: the top level's.
   */
  readonly maxBody?: number | string;
  /** Header fields that are compared; of `set-cookie` only the names of the cookies. Absent: the top level's. */
  readonly headers?: string | readonly string[];
  /**
   * What may differ, with all that is inside it. `"$.items[*].id"`, `"$..updatedAt"`, `"$.meta.*"`, `"header:date"`,
   * `"status"`, `"form:csrf"`, `"body"`. The top level's follow.
   */
  readonly ignore?: string | readonly string[];
  /**
   * What is replaced in texts before they are compared, in the order of the list. In header values, in the strings of
   * JSON, in form fields, and in each line of other texts; texts of more than 1,024 characters stay as they are. The top
   * level's follow.
   */
  readonly normalise?: NormaliseInput | readonly NormaliseInput[];
  /**
   * Whether the order of elements counts, or the arrays in which it does not. `"unordered"` for all of them, or JSON
   * paths: `"$.tags"`. Absent: the top level's.
   */
  readonly arrays?: string | readonly string[];
  /** How far numbers may be apart; the first rule about a number decides. The top level's follow. */
  readonly tolerance?: ToleranceInput | readonly ToleranceInput[];
  /**
   * Whose values are never shown, with all that is inside, beside those whose name says that they are secret. Of such a
   * value only a short keyed hash is shown, which tells whether two are the same. The top level's follow.
   */
  readonly redact?: string | readonly string[];
  /**
   * What is kept of answers that differ: short texts of the values, the whole bodies too, or nothing. Absent: the top
   * level's.
   */
  readonly samples?: "values" | "bodies" | "none";
  /**
   * Paths that count as one endpoint each; those of other requests are found by looking at them. `"/users/{id}"`: a
   * segment in braces may be anything. The top level's follow.
   */
  readonly endpoints?: string | readonly string[];
}

/** What is replaced in texts before they are compared. */
export interface NormaliseInput {
  /**
   * Pattern whose matches are replaced. Backreferences, lookahead and lookbehind are refused. ECMAScript regular
   * expression with the flags `gu`.
   */
  readonly pattern: string;
  /**
   * Replacement for each match; `$1` is the first group, `$<name>` a named one, `$&` the whole match.
   *
   * @default ""
   */
  readonly replacement?: string | number | boolean;
  /** Path of the values to normalise, with everything inside them. Absent: everywhere. */
  readonly path?: string;
}

/** How far numbers may be apart. */
export interface ToleranceInput {
  /**
   * How far two numbers may be apart.
   *
   * @default 0
   */
  readonly absolute?: number | string;
  /**
   * How far they may be apart as a share of the larger one.
   *
   * @default 0
   */
  readonly relative?: number | string;
  /** Which numbers it is about, and those below it. Absent: everywhere. */
  readonly path?: string;
}

/** What is logged, where and how. */
export interface LoggingInput {
  /**
   * The lowest level that is written. go-conductor's `"fatal"` becomes `"error"`.
   *
   * @default "info"
   */
  readonly level?: "debug" | "info" | "warn" | "error" | "fatal";
  /** How log lines look. Absent: pretty on a terminal, else JSON. */
  readonly format?: "json" | "pretty";
  /**
   * The stream that log lines are written to. go-conductor's `"file"` becomes `"stdout"`.
   *
   * @default "stdout"
   */
  readonly output?: "stdout" | "stderr" | "file";
  /** Accepted for go-conductor's files. */
  readonly file?: string;
  /** Accepted for go-conductor's files. */
  readonly includeCaller?: boolean;
  /** Accepted for go-conductor's files. */
  readonly timeFormat?: string;
  /** Accepted for go-conductor's files. */
  readonly disableTimestamp?: boolean;
}

/** Counts and durations of requests and services: where they are served, and how. */
export interface MetricsInput {
  /**
   * Whether `port` serves the metrics too, where any client can read them. A handler in a server of one's own answers
   * `endpoint` then.
   *
   * @default false
   */
  readonly enabled?: boolean;
  /**
   * The path of the metrics; with `enabled` it comes before all routes.
   *
   * @default "/metrics"
   */
  readonly endpoint?: string;
  /**
   * Whether they are Prometheus text where the client's `Accept` leaves that open, in place of JSON.
   *
   * @default false
   */
  readonly enablePrometheus?: boolean;
}

/** A status code, a range or a class of them: `429`, `"500-503"`, `"5xx"`. */
export type StatusInput = number | string;

/** Header names and their values. */
export type HeadersInput = Readonly<Record<string, string | number | boolean>>;
