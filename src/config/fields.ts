/**
 * Every field of the configuration, once. The validator, the JSON Schema, the reference in the README and the help of the
 * command line are made from these tables.
 */

import { adminToken, MIN_TOKEN_LENGTH } from "./schema/admin_token.ts";
import { type Fields, section } from "./schema/section.ts";
import { addressRange, hostMode, listenHost } from "./schema/address.ts";
import { amount } from "./schema/amount.ts";
import { bodyPath } from "./schema/body_path.ts";
import { arrayOrder } from "./schema/array_order.ts";
import { backendUrl } from "./schema/backend_url.ts";
import { dnsName } from "./schema/dns_name.ts";
import { endpointTemplate } from "./schema/endpoint_template.ts";
import { headerLines, headerName } from "./schema/header_fields.ts";
import { hedgeDelay } from "./schema/hedge_delay.ts";
import { listOf } from "./schema/list.ts";
import { httpMethod } from "./schema/http_method.ts";
import { pathPattern } from "./schema/path_pattern.ts";
import { pem } from "./schema/pem.ts";
import { perSecond } from "./schema/per_second.ts";
import { size, time } from "./schema/quantity.ts";
import { regularExpression } from "./schema/regular_expression.ts";
import { requestPath } from "./schema/request_path.ts";
import { sampleKey, shareOr } from "./schema/sample.ts";
import { boolean, integer, oneOf, text } from "./schema/scalar.ts";
import { serviceList } from "./schema/service_list.ts";
import { serviceName } from "./schema/service_name.ts";
import { share } from "./schema/share.ts";
import { statuses } from "./schema/statuses.ts";
import { literal } from "./schema/value_type.ts";
import { boolOr, overridable } from "./schema/switchable.ts";

const MAX_BREAKER_WINDOW = 1_000;
const MAX_CHECKS = 1_000;
const MAX_AT_ONCE = 1_000_000;

/** Fields of the top level as a service has them. */
type ServiceFields<F extends Fields> = {
  readonly [K in keyof F]: Pick<F[K], "type" | "description"> & { readonly absence: string };
};

/** The fields of `services[].tls`. */
export const SERVICE_TLS_FIELDS = {
  ca: {
    type: pem("certificate"),
    absence: "none",
    description: "Authorities that may vouch for the backend beside those that the system trusts: `${file:ca.pem}`.",
  },
  serverName: {
    type: dnsName(),
    absence: "the host of `url`",
    description: "The name that is asked for (SNI), and that the certificate must be for.",
  },
  insecure: {
    type: boolean(),
    default: false,
    description: "Whether nothing about the certificate is verified: whoever answers is believed.",
  },
} as const;

/** The fields of `services[].breaker`. */
export const BREAKER_FIELDS = {
  failures: {
    type: integer(1, MAX_BREAKER_WINDOW),
    default: 5,
    description: "How many of the last `window` attempts must have failed for it to open.",
  },
  window: {
    type: integer(1, MAX_BREAKER_WINDOW),
    absence: "as many as `failures`, which must then come in a row",
    description: "How many attempts are looked back at.",
  },
  openFor: {
    type: time({ min: "1ms" }),
    default: 5,
    description:
      "How long nothing is sent before one request may tell how the service is; doubled each time that one fails.",
  },
  maxOpenFor: {
    type: time({ min: "1ms" }),
    absence: "1m, or `openFor` where that is longer",
    description: "How far `openFor` is doubled.",
  },
} as const;

/** The fields of `services[].health`. */
export const HEALTH_FIELDS = {
  path: {
    type: requestPath(),
    required: true,
    description: "What is asked for, with GET; the path of `url` is kept in front of it.",
  },
  interval: {
    type: time({ min: "10ms" }),
    default: 10,
    description: "The pause between two checks, give or take a tenth.",
  },
  timeout: {
    type: time({ min: "1ms" }),
    default: 5,
    description: "The longest wait for the whole answer.",
  },
  unhealthyAfter: {
    type: integer(1, MAX_CHECKS),
    default: 3,
    description: "How many checks in a row must have failed for the service to count as unhealthy.",
  },
  healthyAfter: {
    type: integer(1, MAX_CHECKS),
    default: 2,
    description: "How many checks in a row must have succeeded for it to count as healthy again.",
  },
  expect: {
    type: listOf(statuses(), { min: 1, item: "status" }),
    default: "200-399",
    description: "Status codes that count as a success.",
  },
} as const;

/** The fields of `services[].hedge`. */
export const HEDGE_FIELDS = {
  after: {
    type: hedgeDelay(),
    default: "p95",
    description: "How long those before it may go without an answer: a time, or a percentile of how long they take.",
  },
  maxExtra: {
    type: share(),
    default: "10%",
    description:
      "How many late requests it may get, as a share of those that the ones before it answered; 100% is no limit.",
  },
  unsafe: {
    type: boolean(),
    default: false,
    description: "Whether methods other than GET, HEAD and OPTIONS are hedged, and may so be carried out twice.",
  },
} as const;

/** The fields of `services[].sample`. */
export const SAMPLE_FIELDS = {
  rate: {
    type: share(),
    absence: "all",
    description: "The share of the clients whose requests are copied.",
  },
  by: {
    type: sampleKey(),
    required: true,
    description: "What a client is known by; a request without it is not copied.",
  },
} as const;

/** The fields of `services[].ramp`. */
export const RAMP_FIELDS = {
  from: {
    type: share(),
    default: 0,
    description: "The share at the beginning.",
  },
  to: {
    type: share(),
    absence: "the share that `sample` gives",
    description: "The share at the end.",
  },
  over: {
    type: time({ min: "1s" }),
    required: true,
    description: "How long it takes from the one to the other.",
  },
} as const;

/** The fields of `services[]` that are about copies: only a shadow has them. */
export const COPY_FIELDS = {
  sample: {
    type: shareOr(section(SAMPLE_FIELDS)),
    absence: "all",
    description: "Shadows only: the share of the requests that are copied, or of the clients whose requests are.",
  },
  ramp: {
    type: section(RAMP_FIELDS),
    absence: "none",
    description: "Shadows only: raises the share evenly from the moment the configuration is first in force.",
  },
  methods: {
    type: listOf(httpMethod(), { min: 1, item: "method" }),
    absence: "all, see `safeShadows`",
    description: "Shadows only: the methods of the requests that are copied.",
  },
  maxInFlight: {
    type: integer(1, MAX_AT_ONCE),
    absence: "`64`",
    description: "Shadows only: copies in flight, until their answer has been read; what comes above is not sent.",
  },
  maxRate: {
    type: perSecond(),
    absence: "no limit",
    description: "Shadows only: copies per second; what comes above is not sent.",
  },
  maxBodySize: {
    type: size({ min: "0B" }),
    absence: "no limit",
    description: "Shadows only: the largest body that is copied; a copy that turns out larger on its way is cut off.",
  },
  body: {
    type: boolean(),
    absence: "`true`",
    description: "Shadows only: whether the copy has the request's body.",
  },
  credentials: {
    type: boolean(),
    absence: "`true`",
    description: "Shadows only: mirror header fields and parameters with secret names, such as cookies.",
  },
} as const;

/** The fields of `compare.normalise[]`. */
export const NORMALISE_FIELDS = {
  pattern: {
    type: regularExpression(),
    required: true,
    description: "Pattern whose matches are replaced. Backreferences, lookahead and lookbehind are refused.",
  },
  replacement: {
    type: literal(text()),
    default: "",
    description: "Replacement for each match; `$1` is the first group, `$<name>` a named one, `$&` the whole match.",
  },
  path: {
    type: bodyPath(),
    absence: "everywhere",
    description: "Path of the values to normalise, with everything inside them.",
  },
} as const;

/** The fields of `compare.tolerance[]`. */
export const TOLERANCE_FIELDS = {
  absolute: {
    type: amount(),
    default: 0,
    description: "How far two numbers may be apart.",
  },
  relative: {
    type: share(),
    default: 0,
    description: "How far they may be apart as a share of the larger one.",
  },
  path: {
    type: bodyPath({ jsonOnly: true }),
    absence: "everywhere",
    description: "Which numbers it is about, and those below it.",
  },
} as const;

/** The fields of `compare` that a service may have, too: one list of keys, with the defaults of the top level. */
const COMPARE_RULE_FIELDS = {
  sample: {
    type: share(),
    default: 1,
    description: "The share of the requests whose answers are compared.",
  },
  maxBody: {
    type: size({ min: "0B", max: "64MiB" }),
    default: "256KiB",
    description: "Largest body that is compared, as sent and decoded; responses with a larger one are not comparable.",
  },
  headers: {
    type: listOf(headerName(), { item: "name" }),
    default: ["content-type", "location", "cache-control", "set-cookie"],
    description: "Header fields that are compared; of `set-cookie` only the names of the cookies.",
  },
  ignore: {
    type: listOf(bodyPath(), { item: "path" }),
    default: [],
    description: "What may differ, with all that is inside it.",
  },
  normalise: {
    type: listOf(section(NORMALISE_FIELDS), { item: "rule" }),
    default: [],
    description: "What is replaced in texts before they are compared, in the order of the list.",
  },
  arrays: {
    type: arrayOrder(),
    default: "ordered",
    description: "Whether the order of elements counts, or the arrays in which it does not.",
  },
  tolerance: {
    type: listOf(section(TOLERANCE_FIELDS), { item: "rule" }),
    default: [],
    description: "How far numbers may be apart; the first rule about a number decides.",
  },
  redact: {
    type: listOf(bodyPath(), { item: "path" }),
    default: [],
    description:
      "Whose values are never shown, with all that is inside, beside those whose name says that they are secret.",
  },
  samples: {
    type: oneOf(["values", "bodies", "none"]),
    default: "values",
    description: "What is kept of answers that differ: short texts of the values, the whole bodies too, or nothing.",
  },
  endpoints: {
    type: listOf(endpointTemplate(), { item: "path" }),
    default: [],
    description: "Paths that count as one endpoint each; those of other requests are found by looking at them.",
  },
} as const;

/** The fields of `compare`. */
export const COMPARE_FIELDS = {
  ...COMPARE_RULE_FIELDS,
  noise: {
    type: oneOf(["replay", "off"]),
    default: "replay",
    description:
      "How it is found out what differs by itself: GET and HEAD are sent to the primary again, or not at all.",
  },
  noiseSample: {
    type: share(),
    default: 0.1,
    description: "The share of the compared requests that are sent to the primary again.",
  },
  maxMemory: {
    type: size({ min: "1MiB", max: "4GiB" }),
    default: "64MiB",
    description: "Maximum memory of responses that wait to be compared; further responses are not comparable.",
  },
} as const;

/** The fields of `services[].compare`: the same ones, without defaults. */
export const SERVICE_COMPARE_FIELDS: ServiceFields<typeof COMPARE_RULE_FIELDS> = withoutDefaults(COMPARE_RULE_FIELDS);

/** The fields of `services[]`. */
export const SERVICE_FIELDS = {
  name: {
    type: serviceName(),
    required: true,
    description: "The name in logs, in `X-Conductor-Service` and in error bodies; unique.",
  },
  url: {
    type: backendUrl(),
    required: true,
    description: "Where the backend is; a path in it is kept in front of every request path.",
  },
  tls: {
    type: section(SERVICE_TLS_FIELDS),
    absence: "a certificate that the system trusts",
    description: "How an `https` backend proves that it is the right one.",
  },
  http2: {
    type: boolean(),
    default: false,
    description: "Whether the backend is reached with HTTP/2, which it must speak; Bun and Node decide for themselves.",
  },
  primary: {
    type: boolean(),
    default: false,
    description: "Whether this service's response is the one to return.",
  },
  shadow: {
    type: boolean(),
    default: false,
    description: "Whether this service only gets a copy, which is never waited for and never answers the client.",
  },
  pathExact: {
    type: listOf(pathPattern({ exact: true }), { min: 1, item: "path" }),
    absence: "see `path`",
    description: "Matches exactly this path, or one of these; stronger than any prefix.",
  },
  pathPrefix: {
    type: listOf(pathPattern({ exact: false }), { min: 1, item: "path" }),
    absence: "see `path`",
    description: "Matches this path and all below it, in whole segments; the longest prefix wins.",
  },
  path: {
    type: listOf(pathPattern({ exact: false }), { min: 1, item: "path" }),
    absence: "`/` where no other pattern is given",
    description:
      "The base path, matched like a prefix where neither `pathExact` nor `pathPrefix` of any service matches.",
  },
  timeout: {
    type: time({ min: "1ms" }),
    absence: "the top level's",
    description: "The longest wait for the response's head, and for the next piece of a body.",
  },
  stripPrefix: {
    type: boolean(),
    absence: "the top level's",
    description: "Whether the matched prefix is taken off the path.",
  },
  failOn: {
    type: listOf(statuses(), { item: "status" }),
    absence: "the top level's",
    description: "Status codes that count as a failure; with an empty list none does.",
  },
  host: {
    type: hostMode(),
    default: "target",
    description: "The Host field that the backend sees: that of its URL, the client's, or a literal one.",
  },
  headers: {
    type: headerLines(),
    default: {},
    description: "Request header fields to set, in place of the client's.",
  },
  removeHeaders: {
    type: listOf(headerName(), { item: "name" }),
    default: [],
    description: "Request header fields to drop.",
  },
  responseHeaders: {
    type: headerLines(),
    default: {},
    description: "Header fields to set on a response of this service that is returned.",
  },
  breaker: {
    type: boolOr(section(BREAKER_FIELDS)),
    absence: "none",
    description: "When the service counts as down and is left alone for a while; `true` takes all defaults.",
  },
  health: {
    type: section(HEALTH_FIELDS),
    absence: "none",
    description: "How conductor's own server checks the service; it is left alone while it does not answer well.",
  },
  hedge: {
    type: boolOr(section(HEDGE_FIELDS)),
    absence: "sent at once",
    description:
      "Holds the request back while those before it in the file may still answer; `true` takes all defaults.",
  },
  ...COPY_FIELDS,
  compare: {
    type: overridable(section(SERVICE_COMPARE_FIELDS)),
    absence: "the top level's",
    description: "Whether this service's answers are compared with the primary's, and how.",
  },
  control: {
    type: boolean(),
    default: false,
    description: "Whether this service is what the primary is: what differs between the two differs by itself.",
  },
  weight: {
    type: integer(0, 1_000_000),
    description: "Accepted for go-conductor's files.",
    ignored: "every service of a route gets every request",
  },
} as const;

/** The fields of `logging`. */
export const LOGGING_FIELDS = {
  level: {
    type: oneOf(["debug", "info", "warn", "error"], { anyCase: true, substitutes: { fatal: "error" } }),
    default: "info",
    description: "The lowest level that is written.",
  },
  format: {
    type: oneOf(["json", "pretty"], { anyCase: true }),
    absence: "pretty on a terminal, else JSON",
    description: "How log lines look.",
  },
  output: {
    type: oneOf(["stdout", "stderr"], { anyCase: true, substitutes: { file: "stdout" } }),
    default: "stdout",
    description: "The stream that log lines are written to.",
  },
  file: { type: text(), description: "Accepted for go-conductor's files.", ignored: "redirect the output instead" },
  includeCaller: {
    type: boolean(),
    description: "Accepted for go-conductor's files.",
    ignored: "log lines do not name source lines",
  },
  timeFormat: {
    type: text(),
    description: "Accepted for go-conductor's files.",
    ignored: "times are written as RFC 3339 in UTC",
  },
  disableTimestamp: {
    type: boolean(),
    description: "Accepted for go-conductor's files.",
    ignored: "log lines always carry their time",
  },
} as const;

/** The fields of `metrics`. */
export const METRICS_FIELDS = {
  enabled: {
    type: boolean(),
    default: false,
    description: "Whether `port` serves the metrics too, where any client can read them.",
  },
  endpoint: {
    type: pathPattern({ exact: true }),
    default: "/metrics",
    description: "The path of the metrics; with `enabled` it comes before all routes.",
  },
  enablePrometheus: {
    type: boolean(),
    default: false,
    description: "Whether they are Prometheus text where the client's `Accept` leaves that open, in place of JSON.",
  },
} as const;

/** The fields of `tls`. */
export const TLS_FIELDS = {
  cert: {
    type: pem("certificate"),
    required: true,
    description: "The certificate, followed by those between it and its authority; in a file, `${file:cert.pem}`.",
  },
  key: {
    type: pem("private key"),
    required: true,
    description: "The certificate's private key, not encrypted; in a file, `${file:key.pem}`.",
  },
} as const;

/** The fields of `limits`. */
export const LIMITS_FIELDS = {
  maxInFlight: {
    type: integer(1, MAX_AT_ONCE),
    default: 5_000,
    description: "Maximum requests in flight; further ones get 503 at once.",
  },
  maxInFlightPerClient: {
    type: integer(1, MAX_AT_ONCE),
    absence: "a fair share",
    description:
      "Maximum requests in flight of one client, which is an IPv4 address or an IPv6 /64 network; further ones get 503 at " +
      "once. The fair share of a client (in IPv6 of a /48 network) falls as the load rises. One client alone gets 38 % of " +
      "`maxInFlight`, and so do all clients together behind a proxy that `trustProxy` does not name.",
  },
  maxUploads: {
    type: integer(1, MAX_AT_ONCE),
    absence: "half of `maxInFlight`",
    description:
      "Maximum requests in flight whose body has not arrived completely; further ones get 503 at once. They also count " +
      "towards `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the uploads of one client as well.",
  },
  minUploadRate: {
    type: size({ min: "0B", max: "1GiB" }),
    default: "240B",
    description:
      "Minimum size of the request body that arrives per second, as an average over the time spent waiting for the client. " +
      "The first `timeout` of waiting is free. A slower upload gets 408, except while a response is being relayed; " +
      "0 accepts any rate.",
  },
  maxConnectionsPerService: {
    type: integer(1, MAX_AT_ONCE),
    absence: "no limit",
    description:
      "Maximum requests in flight to one service, until its responses have been read; further ones wait, see " +
      "`maxQueuedPerService`.",
  },
  maxQueuedPerService: {
    type: integer(0, MAX_AT_ONCE),
    default: 0,
    description:
      "Maximum requests that wait in order of arrival if `maxConnectionsPerService` is reached. Further requests are not " +
      "sent and fail as `queue-full`, requests that have waited for the service's `timeout` as `queue-timeout`.",
  },
} as const;

/** The fields of `admin`. */
export const ADMIN_FIELDS = {
  port: {
    type: integer(0, 65_535),
    required: true,
    description: "The TCP port of the admin listener; 0 takes any free one.",
  },
  hostname: {
    type: listenHost(),
    default: "127.0.0.1",
    description: "The address of the admin listener; one that other machines can reach needs a `token`.",
  },
  token: {
    type: adminToken(),
    absence: "none",
    description: `What who asks must know, at least ${MIN_TOKEN_LENGTH} characters: \`\${file:admin-token}\`.`,
  },
} as const;

/** The fields of the top level. */
export const CONFIG_FIELDS = {
  $schema: {
    type: text(),
    description: "The JSON Schema for editors; not read.",
  },
  port: {
    type: integer(0, 65_535),
    default: 8080,
    description: "The TCP port to listen on; 0 takes any free one.",
  },
  hostname: {
    type: listenHost(),
    default: "0.0.0.0",
    description: "The address to listen on.",
  },
  tls: {
    type: section(TLS_FIELDS),
    absence: "plain HTTP",
    description: "Serves HTTPS, with HTTP/2 for clients that can. Of no use to a handler in a server of one's own.",
  },
  timeout: {
    type: time({ min: "1ms" }),
    default: 30,
    description: "The longest wait for a response's head, and for the next piece of a body.",
  },
  wait: {
    type: oneOf(["all", "primary"]),
    default: "all",
    description:
      "What is waited for: until all services but shadows have answered, or only until the answer is decided.",
  },
  failOn: {
    type: listOf(statuses(), { item: "status" }),
    default: "5xx",
    description: "Status codes that count as a failure; with an empty list none does.",
  },
  relayFailures: {
    type: boolean(),
    default: false,
    description: "Whether the primary's own failing response is relayed when no service succeeded, in place of a 502.",
  },
  stripPrefix: {
    type: boolean(),
    default: false,
    description: "Whether the matched prefix is taken off the path.",
  },
  safeShadows: {
    type: boolean(),
    default: false,
    description: "Whether shadows get GET, HEAD and OPTIONS only, unless their `methods` name others.",
  },
  identify: {
    type: boolean(),
    default: true,
    description: "Whether clients are told the names of services, in `X-Conductor-Service` and in error bodies.",
  },
  serverTiming: {
    type: boolean(),
    default: false,
    description: "Whether responses say in `Server-Timing` how long each service took, for the tools of browsers.",
  },
  forwarded: {
    type: boolean(),
    default: false,
    description: "Whether services get an RFC 7239 `Forwarded` field beside `X-Forwarded-For` and its like.",
  },
  trustProxy: {
    type: listOf(addressRange(), { item: "address" }),
    default: [],
    description: "Proxies in front of this one whose forwarding fields are believed.",
  },
  maxBodySize: {
    type: size({ min: "1B" }),
    absence: "no limit",
    description: "The largest request body; a larger one is answered with 413.",
  },
  bodyWindow: {
    type: size({ min: "64KiB", max: "1GiB" }),
    default: "1MiB",
    description: "How much of one request body may wait for one service; bounds the memory for a request.",
  },
  limits: {
    type: section(LIMITS_FIELDS),
    default: {},
    description: "How much there may be at once.",
  },
  compare: {
    type: boolOr(section(COMPARE_FIELDS)),
    absence: "off",
    description: "Compares the answers of all services with the primary's; `true` takes all defaults.",
  },
  shutdownTimeout: {
    type: time({ min: "0s" }),
    default: 10,
    description: "How long a shutdown waits for requests in flight.",
  },
  logging: {
    type: section(LOGGING_FIELDS),
    default: {},
    description: "What is logged, where and how.",
  },
  admin: {
    type: section(ADMIN_FIELDS),
    absence: "no such listener",
    description: "A second listener: health, metrics, what is going on, and the dashboard; never on the data port.",
  },
  metrics: {
    type: section(METRICS_FIELDS),
    default: {},
    description: "Counts and durations of requests and services: where they are served, and how.",
  },
  services: {
    type: serviceList(section(SERVICE_FIELDS)),
    required: true,
    description: "The backends.",
  },
} as const;

/** What a service does not say is as at the top level; lists of rules add up. */
function withoutDefaults<F extends Fields>(fields: F): ServiceFields<F> {
  const entries = Object.entries(fields).map(([key, { type, description }]) => [
    key,
    { type, description, absence: "the top level's" },
  ]);
  return Object.fromEntries(entries);
}
