/**
 * Declarations of all configuration fields. Types, validation, JSON Schema, reference and `--help` follow from them.
 * Run `deno task docs` after a change: it generates `input.ts` and the reference.
 */

import { ACCESS_FIELD_NAMES, ACCESS_FIELDS, type AccessField } from "./access_fields.ts";
import { addressRange, backendUrl, dnsName, hostMode, listenHost } from "./schema/address.ts";
import {
  arrayOrder,
  bodyPath,
  ignoreRule,
  regularExpression,
  versionSource,
  wholeOrPaths,
} from "./schema/comparison.ts";
import { boolOr, listOf, ratioOr, serviceList, switchOr } from "./schema/composite.ts";
import {
  headerLines,
  headerName,
  httpMethod,
  sampleKey,
  statuses,
  statusGroups,
  upgradeProtocols,
} from "./schema/http.ts";
import { endpointPattern, endpointTemplate, pathPattern, requestPath } from "./schema/paths.ts";
import { amount, hedgeDelay, perSecond, ratio, size, time } from "./schema/quantity.ts";
import { boolean, fileMode, integer, oneOf, serviceName, text } from "./schema/scalar.ts";
import { adminToken, pem } from "./schema/secret.ts";
import { overrides, section } from "./schema/section.ts";
import { literal, type ValueType } from "./schema/value_type.ts";

const MAX_BREAKER_WINDOW = 1_000;
const MAX_CHECKS = 1_000;
const MAX_AT_ONCE = 1_000_000;

// Alternatives to fields that only conductor's own server applies.
const SET_ADDRESS = "set the address of the server that calls the handler";
const SET_CONNECTIONS = "limit the connections of the server that calls the handler";
const USE_COMPARED = "use `createConductor()`, or the events `compared` of the option `observe`";

const SOCKET_DETAILS = "`unix:/run/conductor.sock` is a Unix socket, for which `port` has no effect.";
const SOCKET_MODE = 'Permissions of the Unix socket: `"0660"`. Clients need write permission.';

/** `services[].tls` */
export const SERVICE_TLS = section({
  name: "ServiceTlsInput",
  description: "Certificate verification of an `https` backend, and the client certificate for it.",
  fields: {
    ca: {
      type: pem("certificate"),
      defaultText: "none",
      description: "Additional certificate authorities to trust for this backend: `${file:ca.pem}`.",
    },
    serverName: {
      type: dnsName(),
      defaultText: "the host of `url`",
      description: "Server name for SNI and for verifying the certificate.",
      details: "Supported in Deno only; in other runtimes, requests to the service fail as `tls`.",
    },
    insecure: {
      type: boolean(),
      default: false,
      description: "Skip certificate verification. Insecure; for test environments only.",
      details: "Supported in Deno only; other runtimes always verify.",
    },
    cert: {
      type: pem("certificate"),
      defaultText: "none",
      description:
        "Client certificate, followed by its intermediate certificates, for backends that require one: `${file:client.pem}`.",
      details: "Supported in Deno only; in other runtimes, requests to the service fail as `tls`.",
    },
    key: {
      type: pem("private key"),
      defaultText: "none",
      description: "Unencrypted private key of `cert`: `${file:client.key}`.",
    },
  },
});

/** `services[].breaker` */
export const BREAKER = section({
  name: "BreakerInput",
  description: "Circuit breaker of a service.",
  fields: {
    failures: {
      type: integer(1, MAX_BREAKER_WINDOW),
      default: 5,
      description: "Failures within the last `window` attempts that open the breaker.",
    },
    window: {
      type: integer(1, MAX_BREAKER_WINDOW),
      defaultText: "`failures`, so that only consecutive failures open the breaker",
      description: "Number of most recent attempts in which failures count.",
    },
    openFor: {
      type: time({ min: "1ms" }),
      default: "5s",
      as: "openForMs",
      description:
        "Time that the breaker stays open before it sends one probe request. Doubles after each failed probe.",
    },
    maxOpenFor: {
      type: time({ min: "1ms" }),
      defaultText: "the larger of 1m and `openFor`",
      as: "maxOpenForMs",
      description: "Upper limit of `openFor` when it doubles.",
    },
  },
});

/** `services[].health` */
export const HEALTH = section({
  name: "HealthInput",
  description: "Active health checks of a service.",
  fields: {
    path: {
      type: requestPath(),
      required: true,
      description: "Path of the check, requested with GET. The path of `url` is prepended.",
    },
    interval: {
      type: time({ min: "10ms" }),
      default: "10s",
      as: "intervalMs",
      description: "Pause between two checks, with 10 % jitter.",
    },
    timeout: {
      type: time({ min: "1ms" }),
      default: "5s",
      as: "timeoutMs",
      description: "Timeout for the complete response of a check.",
    },
    unhealthyAfter: {
      type: integer(1, MAX_CHECKS),
      default: 3,
      description: "Number of consecutive failed checks before marking a healthy service as unhealthy.",
    },
    healthyAfter: {
      type: integer(1, MAX_CHECKS),
      default: 2,
      description: "Number of consecutive successful checks before marking an unhealthy service as healthy.",
    },
    expect: {
      type: listOf(statuses(), { min: 1, item: "status" }),
      default: "200-399",
      description: "Status codes of a successful check.",
    },
  },
});

/** `services[].hedge` */
export const HEDGE = section({
  name: "HedgeInput",
  description: "Hedging: delayed requests to a service that stands in for slow or failed ones.",
  fields: {
    after: {
      type: hedgeDelay(),
      default: "p95",
      description: "Delay before the request is sent: a time, or a percentile of the latency of the earlier services.",
      details: "A percentile applies while the earlier services have responded 100 times within a minute.",
    },
    maxExtra: {
      type: ratio(),
      default: "10%",
      description: "Maximum ratio of hedged requests to the responses of the earlier services. 100% means no limit.",
      details: "With 0, requests are sent only after all earlier services have failed.",
    },
    unsafe: {
      type: boolean(),
      default: false,
      description:
        "Hedge methods other than GET, HEAD and OPTIONS as well. Two services can then execute the same request.",
      details: "Without it, such a request is sent only if it was never sent to the earlier services.",
    },
  },
});

/** `services[].sample` */
export const SAMPLE = section({
  name: "SampleInput",
  description: "Sampling of clients instead of requests.",
  fields: {
    rate: {
      type: ratio(),
      defaultText: "all",
      description: "Ratio of clients whose requests are mirrored. The same clients are chosen each time.",
    },
    by: {
      type: sampleKey(),
      required: true,
      description: "Identity of a client. Requests without it are not mirrored.",
    },
  },
});

/** `services[].ramp` */
export const RAMP = section({
  name: "RampInput",
  description: "Linear ramp of a sampling ratio.",
  fields: {
    from: {
      type: ratio(),
      default: 0,
      description: "Ratio at the start of the ramp.",
    },
    to: {
      type: ratio(),
      defaultText: "the ratio of `sample`",
      description: "Ratio at the end of the ramp.",
    },
    over: {
      type: time({ min: "1s" }),
      required: true,
      as: "overMs",
      description: "Duration of the ramp.",
    },
  },
});

/** Fields of `services[]` that only shadows have. */
export const SHADOW_FIELDS = {
  sample: {
    type: ratioOr(SAMPLE),
    defaultText: "all",
    requires: "shadow",
    description: "Shadows only: ratio of requests that are mirrored, or of clients whose requests are mirrored.",
    details:
      '`"10%"` samples requests, exactly over any 1,000 of them. `{ rate: "10%", by: "cookie:sid" }` samples clients.',
  },
  ramp: {
    type: RAMP,
    defaultText: "none",
    requires: "shadow",
    description: "Shadows only: linear increase of the ratio, from the time at which the configuration takes effect.",
    details: "A reload that does not change the ramp does not restart it.",
  },
  methods: {
    type: listOf(httpMethod(), { min: 1, item: "method" }),
    defaultText: "all, or the safe ones with `safeShadows`",
    requires: "shadow",
    description: "Shadows only: methods of the requests that are mirrored.",
  },
  maxInFlight: {
    type: integer(1, MAX_AT_ONCE),
    default: 64,
    requires: "shadow",
    description: "Shadows only: maximum concurrent shadow requests. Requests above the limit are not mirrored.",
    details: "A shadow request is in flight until its response has been read.",
  },
  maxRate: {
    type: perSecond(),
    defaultText: "no limit",
    fallback: Infinity,
    requires: "shadow",
    as: "maxPerSecond",
    description: "Shadows only: maximum shadow requests per second. Requests above the limit are not mirrored.",
    details: "Bursts of up to one second's worth are allowed, and at least one request.",
  },
  maxBodySize: {
    type: size({ min: "0B" }),
    defaultText: "no limit",
    fallback: Infinity,
    requires: "shadow",
    as: "maxBodyBytes",
    description:
      "Shadows only: maximum size of a request body that is mirrored. A shadow request whose body turns out larger is aborted.",
  },
  body: {
    type: boolean(),
    default: true,
    requires: "shadow",
    description: "Shadows only: mirror the request body.",
    details: "Without it, header fields that describe the body are removed too.",
  },
  credentials: {
    type: boolean(),
    default: true,
    requires: "shadow",
    description: "Shadows only: mirror header fields and parameters with secret names, such as cookies.",
    details: "`headers` may still set such fields.",
  },
} as const;

/** `compare.normalise[]` */
export const NORMALISE = section({
  name: "NormaliseInput",
  description: "Replacement in texts before they are compared.",
  fields: {
    pattern: {
      type: regularExpression(),
      required: true,
      description: "Pattern whose matches are replaced. Backreferences, lookahead and lookbehind are not supported.",
    },
    replacement: {
      type: literal(text("string | number | boolean")),
      default: "",
      description: "Replacement for each match. `$1` is the first group, `$<name>` a named one, `$&` the whole match.",
    },
    path: {
      type: bodyPath(),
      defaultText: "everywhere",
      description: "Path of the values to normalise, including all values inside them.",
    },
  },
});

/** `compare.tolerance[]` */
export const TOLERANCE = section({
  name: "ToleranceInput",
  description: "Tolerated difference between two numbers.",
  fields: {
    absolute: {
      type: amount(),
      default: 0,
      description: "Maximum absolute difference.",
    },
    relative: {
      type: ratio(),
      default: 0,
      description: "Maximum difference relative to the number with the larger magnitude.",
    },
    path: {
      type: bodyPath({ jsonOnly: true }),
      defaultText: "everywhere",
      description: "Path of the numbers that the rule applies to, including all numbers inside.",
    },
  },
});

/** Fields of `compare` that a service may override. */
export const COMPARE_RULE_FIELDS = {
  sample: {
    type: ratio(),
    default: 1,
    description: "Ratio of requests whose responses are compared.",
  },
  maxBody: {
    type: size({ min: "0B", max: "64MiB" }),
    default: "256KiB",
    as: "maxBodyBytes",
    description:
      "Maximum bytes of a body that are kept and compared value by value. Of further bytes, length and digest are compared.",
  },
  headers: {
    type: listOf(headerName(), { item: "name" }),
    default: [
      "content-type",
      "location",
      "cache-control",
      "set-cookie",
      "vary",
      "allow",
      "link",
      "content-disposition",
      "content-language",
      "www-authenticate",
      "retry-after",
      "content-security-policy",
      "content-security-policy-report-only",
      "strict-transport-security",
      "x-content-type-options",
      "x-frame-options",
      "referrer-policy",
      "permissions-policy",
      "cross-origin-opener-policy",
      "cross-origin-embedder-policy",
      "cross-origin-resource-policy",
      "access-control-allow-origin",
      "access-control-allow-credentials",
      "access-control-allow-methods",
      "access-control-allow-headers",
      "access-control-expose-headers",
    ],
    defaultText:
      "those of content, redirects, links, caching, cookies, methods, authentication, retries, security policies and CORS",
    description:
      "Header fields that are compared. Of `set-cookie`, the names and attributes of the cookies are compared.",
  },
  ignore: {
    type: listOf(ignoreRule(), { item: "rule" }),
    default: [],
    isCumulative: true,
    description:
      "Parts of a response that may differ, including everything inside them; everywhere, or at one endpoint.",
  },
  normalise: {
    type: listOf(NORMALISE, { item: "rule" }),
    default: [],
    isCumulative: true,
    description: "Replacements in texts before they are compared, applied in order.",
    details: "They apply to header values, JSON strings, form fields and each line of other texts.",
  },
  arrays: {
    type: arrayOrder(),
    default: "ordered",
    as: "unordered",
    description: "Array comparison: ordered, unordered, or the arrays whose order does not count.",
    details:
      "Elements of unordered arrays are paired by the members in `key`. Without it, a member with unique values in both " +
      "arrays is detected.",
  },
  tolerance: {
    type: listOf(TOLERANCE, { item: "rule" }),
    default: [],
    isCumulative: true,
    description: "Tolerated differences between numbers. The first rule that matches a number applies.",
  },
  nullIsMissing: {
    type: wholeOrPaths({ jsonOnly: true }),
    default: false,
    description: "Members of JSON objects for which null equals absence.",
  },
  ignoreCase: {
    type: wholeOrPaths(),
    default: false,
    description: "Texts in which upper and lower case are equal, such as the names of states.",
  },
  instants: {
    type: wholeOrPaths(),
    default: false,
    description: "Times that are compared as instants, whatever their format and time zone.",
    details:
      "Formats are RFC 3339, HTTP dates, and whole seconds or milliseconds since 1970 as numbers of 10 or 13 digits. A time " +
      "without a zone is a text.",
  },
  numericTexts: {
    type: wholeOrPaths(),
    default: false,
    description: "Texts whose numbers are compared by value, within `tolerance`.",
    details: "Numbers with leading zeros, versions and dates are texts.",
  },
  equivalentStatuses: {
    type: statusGroups(),
    default: [],
    description: "Status codes that are equivalent to each other.",
  },
  redact: {
    type: listOf(bodyPath(), { item: "path" }),
    default: [],
    isCumulative: true,
    description: "Values to redact, including everything inside them. Values with secret names are always redacted.",
    details: "A redacted value is shown as a short keyed hash, which is the same for equal values.",
  },
  samples: {
    type: oneOf(["values", "bodies", "none"]),
    default: "values",
    description: "Content to keep of responses that differ: excerpts of values, whole bodies too, or nothing.",
    serverOnly: USE_COMPARED,
    isForConductor: true,
  },
  endpoints: {
    type: listOf(endpointTemplate(), { item: "path" }),
    default: [],
    isCumulative: true,
    description: "Paths that count as one endpoint each. Endpoints of other requests are detected.",
    serverOnly: USE_COMPARED,
    isForConductor: true,
  },
  version: {
    type: versionSource(),
    defaultText: "builds are not distinguished",
    description: "Place of the version of the service. Each version is counted apart; the verdict is about the newest.",
    details:
      "`path:` is a status page of the service: a `version` in JSON, or a short text. conductor requests it with GET, at most every 10 seconds, while responses are compared.",
    serverOnly: USE_COMPARED,
    isForConductor: true,
  },
} as const;

/** `compare` */
export const COMPARE = section({
  name: "CompareInput",
  description: "Comparison of responses with those of the primary.",
  fields: {
    ...COMPARE_RULE_FIELDS,
    noise: {
      type: oneOf(["replay", "off"]),
      default: "replay",
      description:
        "Noise detection: `replay` sends GET, HEAD and `replayable` requests to the primary again; `off` detects no noise.",
    },
    noiseSample: {
      type: ratio(),
      default: 0.1,
      description: "Ratio of compared requests that are replayed to the primary.",
    },
    replayable: {
      type: listOf(endpointPattern(), { item: "endpoint" }),
      default: [],
      description: "Further requests that may be sent to the primary again, because they change nothing.",
      details: "Bodies of more than 64 KiB, or without a `Content-Length`, are never sent again.",
    },
    maxMemory: {
      type: size({ min: "1MiB", max: "4GiB" }),
      default: "64MiB",
      as: "maxMemoryBytes",
      description: "Maximum memory of responses that wait to be compared. Further responses are not comparable.",
    },
  },
});

/** `services[].compare` */
export const SERVICE_COMPARE = overrides({
  name: "ServiceCompareInput",
  description: "Comparison of one service's responses, with the top level's settings for all absent fields.",
  fields: COMPARE_RULE_FIELDS,
});

/** `services[]` */
export const SERVICE = section({
  name: "ServiceInput",
  description: "A service: one backend, its role and its routes.",
  fields: {
    name: {
      type: serviceName(),
      required: true,
      description: "Unique name, shown in logs, in `X-Conductor-Service` and in error bodies.",
    },
    url: {
      type: backendUrl(),
      required: true,
      description: "URL of the backend. A path in it is prepended to every request path.",
      details: "Unix sockets are supported in Deno only; in other runtimes, requests to the service fail as `refused`.",
    },
    tls: {
      type: SERVICE_TLS,
      defaultText: "the certificate authorities of the system",
      description: "Certificate verification of an `https` backend, and the client certificate for it.",
    },
    http2: {
      type: boolean(),
      default: false,
      description: "Use HTTP/2, which the backend must support. Bun and Node negotiate the version themselves.",
      details:
        "It is negotiated by ALPN with `https`, and used with prior knowledge with `http`. Trailers are not relayed over HTTP/2, so gRPC does not work.",
    },
    maxConnectionAge: {
      type: time({ min: "100ms" }),
      default: "5m",
      as: "maxConnectionAgeMs",
      description:
        "Maximum age of a connection to the backend, reduced by up to 20 % at random. An older connection gets no further request.",
      details:
        "New connections resolve the name of the backend again, so a changed DNS record takes effect. Requests in flight are " +
        "not affected. Deno only: Bun and Node manage their connections themselves.",
    },
    primary: {
      type: boolean(),
      default: false,
      excludes: "shadow",
      description: "Prefer this service's response over those of secondaries.",
    },
    shadow: {
      type: boolean(),
      default: false,
      description: "Mirror requests to this service. Clients never wait for a shadow and never get its response.",
    },
    pathExact: {
      type: listOf(pathPattern({ exact: true }), { min: 1, item: "path" }),
      defaultText: "see `path`",
      description: "Exact paths to match. They take precedence over all prefixes.",
    },
    pathPrefix: {
      type: listOf(pathPattern({ exact: false }), { min: 1, item: "path" }),
      defaultText: "see `path`",
      description: "Path prefixes to match, in whole segments. The longest matching prefix wins.",
    },
    path: {
      type: listOf(pathPattern({ exact: false }), { min: 1, item: "path" }),
      defaultText: "`/` if there is no other pattern",
      description: "Base paths, matched like prefixes if no `pathExact` or `pathPrefix` of any service matches.",
    },
    timeout: {
      type: time({ min: "1ms" }),
      defaultText: "the top level's",
      as: "timeoutMs",
      description: "Timeout for the head of the response, and for each pause within a body.",
    },
    stripPrefix: {
      type: boolean(),
      defaultText: "the top level's",
      description: "Remove the matched prefix from the path.",
    },
    failOn: {
      type: listOf(statuses(), { item: "status" }),
      defaultText: "the top level's",
      description: "Status codes that count as failures. An empty list accepts every status.",
    },
    host: {
      type: hostMode(),
      default: "target",
      description: "`Host` field sent to the backend: the host of `url`, the client's, or a literal one.",
    },
    headers: {
      type: headerLines(),
      default: {},
      description: "Request header fields to set. They replace fields of the same name.",
    },
    removeHeaders: {
      type: listOf(headerName(), { item: "name" }),
      default: [],
      description: "Request header fields to remove.",
    },
    responseHeaders: {
      type: headerLines(),
      default: {},
      description: "Header fields to set on this service's response if it is returned to the client.",
    },
    upgrade: {
      type: upgradeProtocols(),
      defaultText: "off",
      description:
        "Protocols that a connection may switch to, such as WebSocket. `true` permits all protocols except HTTP and TLS.",
      details:
        "The service decides, and bytes are relayed in both directions afterwards. Requires the `node` listener. " +
        "A service without this field gets the request without `Upgrade`.",
    },
    breaker: {
      type: boolOr(BREAKER),
      defaultText: "off",
      description: "Circuit breaker: stops requests to the service after repeated failures. `true` uses all defaults.",
    },
    health: {
      type: HEALTH,
      defaultText: "off",
      description: "Active health checks. An unhealthy service gets no requests.",
      serverOnly: "use `createConductor()`, or `breaker`",
      isForConductor: true,
    },
    hedge: {
      type: boolOr(HEDGE),
      excludes: "shadow",
      defaultText: "off: the request is sent at once",
      description:
        "Hedging: delays the request while earlier services in the file can still respond. `true` uses all defaults.",
      details: "The request is sent if they are slow or fail. The slower attempts are cancelled. Not for shadows.",
    },
    ...SHADOW_FIELDS,
    compare: {
      type: switchOr(SERVICE_COMPARE),
      excludes: "primary",
      isRefusedWhenFalse: true,
      defaultText: "the top level's",
      description: "Comparison of this service's responses with the primary's: on, off, or with other settings.",
      details: "Lists of rules are extended: the items here come before those of the top level. Not for a primary.",
    },
    control: {
      type: boolean(),
      default: false,
      excludes: "primary",
      description: "Mark this service as equivalent to the primary, so that differences between the two are noise.",
      details: "Other services' differences that the control shows as often do not count.",
    },
    weight: {
      type: integer(0, 1_000_000),
      description: "Accepted for compatibility with go-conductor.",
      ignored: "every service of a route gets every request",
    },
  },
});

/** A field of the access log, with a name of its own for the long list. */
const ACCESS_FIELD: ValueType<AccessField> = {
  ...oneOf(ACCESS_FIELD_NAMES),
  label: "name of a field",
  input: "AccessFieldInput",
  alias: {
    name: "AccessFieldInput",
    type: ACCESS_FIELD_NAMES.map((name) => `"${name}"`).join(" | "),
    description: "Field of a line in the access log.",
  },
};

/** `logging` */
export const LOGGING = section({
  name: "LoggingInput",
  description: "Log level, format and stream, and the access log.",
  fields: {
    level: {
      type: oneOf(["debug", "info", "warn", "error"], { anyCase: true, substitutes: { fatal: "error" } }),
      default: "info",
      description: "Minimum level of log lines.",
      details: "`fatal` of go-conductor becomes `error`.",
    },
    format: {
      type: oneOf(["json", "pretty"], { anyCase: true }),
      defaultText: "`pretty` on a terminal, otherwise `json`",
      description: "Format of log lines.",
    },
    access: {
      type: oneOf(["off", "json", "combined"], { anyCase: true }),
      default: "off",
      description: "Access log: one line for each request, at the end of its response.",
      details:
        "`combined` is the format of Apache and nginx. The lines go to `output`, whatever the `level`, and replace " +
        "the lines `request completed` at `info`. Above the table of `--top`, they are not written.",
    },
    accessFields: {
      type: listOf(ACCESS_FIELD, { min: 1, item: "field" }),
      defaultText: "all fields",
      description: "Fields of a line in the access log with `access: json`, in this order.",
      details: Object.entries(ACCESS_FIELDS).map(([name, meaning]) => `\`${name}\`: ${meaning}.`).join(" "),
    },
    output: {
      type: oneOf(["stdout", "stderr"], { anyCase: true, substitutes: { file: "stdout" } }),
      default: "stdout",
      description: "Stream for log lines.",
      details: "`file` of go-conductor becomes `stdout`.",
    },
    file: {
      type: text(),
      description: "Accepted for compatibility with go-conductor.",
      ignored: "redirect the output instead",
    },
    includeCaller: {
      type: boolean(),
      description: "Accepted for compatibility with go-conductor.",
      ignored: "log lines do not name source lines",
    },
    timeFormat: {
      type: text(),
      description: "Accepted for compatibility with go-conductor.",
      ignored: "times are written as RFC 3339 in UTC",
    },
    disableTimestamp: {
      type: boolean(),
      description: "Accepted for compatibility with go-conductor.",
      ignored: "log lines always have a timestamp",
    },
  },
});

/** `metrics` */
export const METRICS = section({
  name: "MetricsInput",
  description: "Path and format of the metrics, and their exposure on the data port.",
  fields: {
    enabled: {
      type: boolean(),
      default: false,
      description: "Serve metrics on `port` too, where any client can read them.",
      details: "A handler in another server then responds to `endpoint`.",
    },
    endpoint: {
      type: pathPattern({ exact: true }),
      default: "/metrics",
      description: "Path of the metrics. With `enabled`, it takes precedence over all routes.",
    },
    enablePrometheus: {
      type: boolean(),
      default: false,
      description: "Prefer Prometheus text over JSON if the client's `Accept` field allows both.",
    },
  },
});

/** `tls` */
export const TLS = section({
  name: "TlsInput",
  description: "Certificate and private key of the server.",
  fields: {
    cert: {
      type: pem("certificate"),
      required: true,
      description: "Certificate followed by its intermediate certificates. In a file: `${file:cert.pem}`.",
    },
    key: {
      type: pem("private key"),
      required: true,
      description: "Unencrypted private key of the certificate. In a file: `${file:key.pem}`.",
    },
  },
});

/** `limits` */
export const LIMITS = section({
  name: "LimitsInput",
  description: "Limits on concurrent requests and on slow uploads.",
  fields: {
    maxInFlight: {
      type: integer(1, MAX_AT_ONCE),
      default: 5_000,
      description: "Maximum requests in flight. Further requests get 503 at once.",
    },
    maxInFlightPerClient: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "a fair share",
      description:
        "Maximum requests in flight per client, which is an IPv4 address or an IPv6 /64 network. Further requests get 503 at once.",
      details:
        "The fair share of a client (in IPv6 of a /48 network) falls as the load rises. One client alone gets 38 % of " +
        "`maxInFlight`. All clients behind a proxy that is not in `trustProxy` count as one.",
    },
    maxUploads: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "half of `maxInFlight`",
      description:
        "Maximum requests in flight whose body has not arrived completely. Further requests get 503 at once.",
      details:
        "Uploads also count towards `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the uploads of one client " +
        "as well.",
    },
    minUploadRate: {
      type: size({ min: "0B", max: "1GiB" }),
      default: "240B",
      as: "minUploadBytesPerSecond",
      description:
        "Minimum average rate of a request body, per second of waiting for the client. A slower upload gets 408.",
      details:
        "The first `timeout` of waiting is free, and an upload is not aborted while a response is being relayed. 0 accepts any " +
        "rate.",
    },
    maxTunnels: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "half of `maxInFlight`",
      description: "Maximum upgraded connections. Further requests for an upgrade get 503 at once.",
      details:
        "They also count towards `maxInFlight`. `maxInFlightPerClient`, or the fair share, limits the upgraded connections " +
        "of one client as well.",
    },
    maxConnectionsPerService: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "no limit",
      fallback: Infinity,
      description:
        "Maximum requests in flight per service, until their responses have been read. Further requests wait in a queue.",
    },
    maxQueuedPerService: {
      type: integer(0, MAX_AT_ONCE),
      default: 0,
      description:
        "Maximum queued requests per service, sent in order of arrival. Further requests to it fail as `queue-full`.",
      details: "Requests that have waited for the `timeout` of the service fail as `queue-timeout`.",
    },
    maxConnections: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "no limit",
      fallback: Infinity,
      description: "Maximum open connections of clients. Further connections get 503 and are closed.",
      details: "Needs the node listener.",
      serverOnly: SET_CONNECTIONS,
    },
    maxConnectionsPerClient: {
      type: integer(1, MAX_AT_ONCE),
      defaultText: "no limit",
      fallback: Infinity,
      description:
        "Maximum open connections per client, which is an IPv4 address or an IPv6 /64 network. Further ones get 503 and are closed.",
      details:
        "Needs the node listener. The peer's address counts, because a new connection has no `X-Forwarded-For` yet. " +
        "Addresses in `trustProxy` have no limit.",
      serverOnly: SET_CONNECTIONS,
    },
  },
});

/** `clientTimeouts` */
export const CLIENT_TIMEOUTS = section({
  name: "ClientTimeoutsInput",
  description: "Timeouts of clients' connections. They need the node listener.",
  fields: {
    header: {
      type: time({ min: "1ms" }),
      default: "15s",
      as: "headerMs",
      description: "Maximum time from the first byte of a request, or from the connection, to the end of its head.",
      details: "A client that has sent a part of a head gets 408. A connection without a byte is closed.",
    },
    request: {
      type: time({ min: "1ms" }),
      defaultText: "no limit",
      fallback: Infinity,
      as: "requestMs",
      description: "Maximum time from the first byte of a request to the end of its body. A slower client gets 408.",
      details: "Without it, `minUploadRate` and `timeout` limit uploads, which may then take hours.",
    },
    idle: {
      type: time({ min: "1ms" }),
      default: "75s",
      as: "idleMs",
      description: "Maximum time between a response and the next request, after which the connection is closed.",
    },
    write: {
      type: time({ min: "1ms" }),
      default: "60s",
      as: "writeMs",
      description: "Maximum time in which a client takes none of a response, after which the connection is closed.",
      details: "No service is blamed: the attempt counts as cancelled by the client.",
    },
  },
});

/** `admin` */
export const ADMIN = section({
  name: "AdminInput",
  description: "Admin listener: health, metrics, live state and the dashboard.",
  fields: {
    port: {
      type: integer(0, 65_535),
      defaultText: "required, unless `hostname` is a Unix socket",
      description: "TCP port of the admin listener. 0 selects a free port.",
    },
    hostname: {
      type: listenHost(),
      default: "127.0.0.1",
      description: "Address of the admin listener. An address that other machines can reach requires a `token`.",
      details: SOCKET_DETAILS,
    },
    socketMode: {
      type: fileMode(),
      defaultText: "the system's for new files, usually 0755",
      description: SOCKET_MODE,
    },
    token: {
      type: adminToken(),
      defaultText: "none",
      description: "Token that clients of the admin listener must send: `${file:admin-token}`.",
    },
  },
});

/** The top level. */
export const CONFIG = section({
  name: "ConfigInput",
  description: "Configuration of conductor, an HTTP request multiplexer: listeners, limits, services and their routes.",
  hasExtensions: true,
  fields: {
    $schema: {
      type: text(),
      description: "JSON Schema for editors. Has no effect.",
    },
    port: {
      type: integer(0, 65_535),
      default: 8080,
      description: "TCP port to listen on. 0 selects a free port.",
      serverOnly: SET_ADDRESS,
    },
    hostname: {
      type: listenHost(),
      default: "0.0.0.0",
      description: "Address to listen on.",
      details: SOCKET_DETAILS,
      serverOnly: SET_ADDRESS,
    },
    socketMode: {
      type: fileMode(),
      defaultText: "the system's for new files, usually 0755",
      description: SOCKET_MODE,
      serverOnly: SET_ADDRESS,
    },
    listener: {
      type: oneOf(["auto", "deno", "node"]),
      default: "auto",
      description:
        "Implementation of the listener: Deno's own server (`deno`), `node:http` (`node`), or the implementation that other fields need (`auto`).",
      details: "`auto` selects `node` if the configuration has `clientTimeouts`, `limits.maxConnections`, " +
        "`limits.maxConnectionsPerClient`, or a service with `upgrade`; otherwise `deno`. Only `deno` serves HTTP/2.",
      serverOnly: "choose the server that calls the handler",
    },
    clientTimeouts: {
      type: CLIENT_TIMEOUTS,
      defaultText: "the defaults of its fields with the node listener, otherwise none",
      description: "Timeouts for clients that send slowly, stay idle or do not read.",
      serverOnly: "set the timeouts of the server that calls the handler",
    },
    tls: {
      type: TLS,
      defaultText: "plain HTTP",
      description: "Certificate and key for HTTPS, with HTTP/2 for clients that support it.",
      serverOnly: "give the certificate to the server that calls the handler",
    },
    timeout: {
      type: time({ min: "1ms" }),
      default: "30s",
      as: "timeoutMs",
      description: "Timeout for the head of a response, and for each pause within a body.",
    },
    wait: {
      type: oneOf(["all", "primary"]),
      default: "all",
      description:
        "Services to wait for: `all` except shadows, or `primary` to respond as soon as the selection is decided.",
    },
    failOn: {
      type: listOf(statuses(), { item: "status" }),
      default: "5xx",
      description: "Status codes that count as failures. An empty list accepts every status.",
    },
    relayFailures: {
      type: boolean(),
      default: false,
      description: "Return the primary's failing response instead of a 502 if no service succeeds.",
    },
    stripPrefix: {
      type: boolean(),
      default: false,
      description: "Remove the matched prefix from the path.",
    },
    safeShadows: {
      type: boolean(),
      default: false,
      description: "Mirror only GET, HEAD and OPTIONS to shadows that have no `methods`.",
    },
    identify: {
      type: boolean(),
      default: true,
      description:
        "Show the names of services to clients, in `X-Conductor-Service` and in error bodies, and return `X-Request-Id`.",
    },
    serverTiming: {
      type: boolean(),
      default: false,
      description: "Add a `Server-Timing` field with the duration of each service, for browser tools.",
    },
    forwarded: {
      type: boolean(),
      default: false,
      description: "Send an RFC 7239 `Forwarded` field to services, in addition to the `X-Forwarded-*` fields.",
    },
    trustProxy: {
      type: listOf(addressRange(), { item: "address" }),
      default: [],
      description: "Addresses of proxies in front of conductor whose forwarding fields are trusted.",
      details: "`unix` trusts every peer on a Unix socket.",
    },
    maxBodySize: {
      type: size({ min: "1B" }),
      defaultText: "no limit",
      fallback: Infinity,
      as: "maxBodyBytes",
      description: "Maximum size of a request body. Larger requests get 413.",
    },
    bodyWindow: {
      type: size({ min: "64KiB", max: "1GiB" }),
      default: "1MiB",
      as: "bodyWindowBytes",
      description:
        "Maximum size of one request body that is buffered for a slower service. Limits the memory per request.",
    },
    upgradeIdleTimeout: {
      type: time({ min: "1s" }),
      default: "5m",
      as: "upgradeIdleTimeoutMs",
      description: "Timeout for silence in both directions of an upgraded connection.",
    },
    limits: {
      type: LIMITS,
      default: {},
      description: "Limits on concurrent requests and on slow uploads.",
    },
    compare: {
      type: boolOr(COMPARE),
      defaultText: "off",
      description: "Comparison of all services' responses with the primary's. `true` uses all defaults.",
    },
    shutdownDelay: {
      type: time({ min: "0s" }),
      default: "0s",
      as: "shutdownDelayMs",
      serverOnly: "wait before you shut down the server",
      commandOnly: true,
      description:
        "Delay between a shutdown signal and the shutdown. Requests are still accepted, but `/readyz` is 503.",
      details: "Set it to the time that a load balancer needs to stop sending requests, about `5s` in Kubernetes.",
    },
    shutdownTimeout: {
      type: time({ min: "0s" }),
      default: "10s",
      as: "shutdownTimeoutMs",
      description: "Timeout for requests and uploads in flight when the server shuts down or replaces its listener.",
      serverOnly: "shut down the server that calls the handler",
    },
    logging: {
      type: LOGGING,
      default: {},
      description: "Log level, format and stream, and the access log.",
      serverOnly: "use the option `observe`",
      commandOnly: true,
    },
    admin: {
      type: ADMIN,
      defaultText: "no such listener",
      description: "Admin listener with health, metrics, live state and the dashboard, separate from the data port.",
      serverOnly: "use `admin` of `createConductor()`, or `metrics.enabled`",
    },
    metrics: {
      type: METRICS,
      default: {},
      description: "Path and format of the metrics, and their exposure on the data port.",
    },
    services: {
      type: serviceList(SERVICE),
      required: true,
      description: "Services that requests are sent to. At least one.",
    },
  },
});
