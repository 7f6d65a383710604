/** Fields of the access log: one declaration for types, configuration and documentation. */

/** Every field of a line in the access log, in the order in which lines have them. */
export const ACCESS_FIELDS = {
  client: "address of the client, beyond trusted proxies",
  method: "request method",
  host: "authority that the client requested",
  target: "path, and `?[redacted]` for a query",
  protocol: "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`",
  status: "status of the response; 101 for an upgraded connection; 499 if the client disconnected earlier",
  requestBytes: "bytes of the request body, or of the client in an upgraded connection",
  responseBytes: "bytes of the response body, or of the service in an upgraded connection",
  durationMs: "time until the end of the response or of the upgraded connection, in milliseconds",
  route: "pattern of the route",
  service: "service whose response was selected",
  refusal: "limit that refused the request",
  interrupted: "failure that broke off the response after its head",
  attempts: "each attempt or skip, once: service, outcome (status, failure, skip reason or `pending`) and duration",
  referer: "`Referer` of the request",
  userAgent: "`User-Agent` of the request",
  requestId: "`X-Request-Id`",
  traceId: "trace of the request",
} as const;

/** Field of a line in the access log. */
export type AccessField = keyof typeof ACCESS_FIELDS;

/** Names of all fields, in the order of a line. */
export const ACCESS_FIELD_NAMES: readonly AccessField[] = Object.keys(ACCESS_FIELDS) as AccessField[];
