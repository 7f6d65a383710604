/**
 * The checked configuration: every default filled, every unit resolved, frozen.
 * Later stages read it and never check it again.
 */

import type { BodyPath } from "./body_path.ts";

/** What a service is for on a route (SPEC: primary, secondary, shadow). */
export type Role = "primary" | "secondary" | "shadow";

/** When a response may be selected: after all have settled, or as soon as it is decided. */
export type WaitMode = "all" | "primary";

/** The three ways to match a path, from the strongest to the weakest. */
export type PatternKind = "pathExact" | "pathPrefix" | "path";

/** One header field line: name and value, as they go on the wire. */
export type HeaderLine = readonly [name: string, value: string];

/** An inclusive range of status codes. */
export interface StatusRange {
  /** First status code of the range. */
  readonly from: number;
  /** Last status code of the range. */
  readonly to: number;
}

/** What is said about the certificate of an `https` backend. */
export interface UpstreamTls {
  /** PEM text of authorities that may vouch for it beside the system's; `undefined`: none. */
  readonly ca: string | undefined;
  /** The name that is asked for, and that the certificate must be for; `undefined`: the host of the URL. */
  readonly serverName: string | undefined;
  /** Whether nothing about the certificate is verified; `ca` says nothing then. */
  readonly insecure: boolean;
}

/** When a service counts as down. */
export interface BreakerSettings {
  /** How many attempts of the window must have failed. */
  readonly failures: number;
  /** How many attempts are looked back at, at least `failures`. */
  readonly window: number;
  /** How long nothing is sent after that, in milliseconds. */
  readonly openForMs: number;
  /** How long at most where it stays down, in milliseconds, at least `openForMs`. */
  readonly maxOpenForMs: number;
}

/** How a service is checked. */
export interface HealthSettings {
  /** Path and query of the check, without the service's base path. */
  readonly path: string;
  /** The pause between two checks, in milliseconds. */
  readonly intervalMs: number;
  /** The longest wait for the whole answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How many failures in a row make it unhealthy. */
  readonly unhealthyAfter: number;
  /** How many successes in a row make it healthy again. */
  readonly healthyAfter: number;
  /** Status codes that count as a success. */
  readonly expect: readonly StatusRange[];
}

/** How long a copy is held back: a time, or as long as this share of the answers takes that it waits for. */
export type HedgeDelay =
  | { readonly kind: "time"; readonly delayMs: number }
  | { readonly kind: "percentile"; readonly share: number };

/** How a service's copy is held back. */
export interface HedgeSettings {
  /** For how long. */
  readonly after: HedgeDelay;
  /** How many late requests it may get, as a share of those that the ones before it answered, 0 to 1; with 1 there is no limit. */
  readonly maxExtra: number;
  /** Whether requests with unsafe methods are sent as well, though others may be carrying them out. */
  readonly unsafe: boolean;
}

/** What a client is known by, where a share of the clients is sampled. */
export type SampleKey =
  | { readonly kind: "header" | "cookie"; readonly name: string }
  | { readonly kind: "ip" };

/** A share that rises. */
export interface Ramp {
  /** The share at the beginning, 0 to 1. */
  readonly from: number;
  /** The share at the end, 0 to 1. */
  readonly to: number;
  /** How long it takes, in milliseconds. */
  readonly overMs: number;
}

/** Which requests a shadow gets a copy of, and how much of them. */
export interface ShadowPolicy {
  /** The share of the requests, or of the clients where `sampleKey` is there, 0 to 1; the ramp's end where there is one. */
  readonly sampleRate: number;
  /** What a client is known by; `undefined`: the share is one of requests. */
  readonly sampleKey: SampleKey | undefined;
  /** How the share rises; `undefined`: it does not. */
  readonly ramp: Ramp | undefined;
  /** The methods that are copied; `undefined`: all. */
  readonly methods: readonly string[] | undefined;
  /** Copies in flight. */
  readonly maxInFlight: number;
  /** Copies per second; `Infinity` where there is no limit. */
  readonly maxPerSecond: number;
  /** The largest body that is copied, in bytes; `Infinity` where there is no limit. */
  readonly maxBodyBytes: number;
  /** Whether bodies are copied at all. */
  readonly body: boolean;
  /** Mirror header fields and parameters with secret names. */
  readonly credentials: boolean;
}

/** What is replaced in texts before they are compared. */
export interface NormaliseRule {
  /** The text of a regular expression, for the flags `gu`. */
  readonly pattern: string;
  /** What takes the place of each match, as `String.prototype.replace` reads it. */
  readonly replacement: string;
  /** Where, and inside of what; `undefined`: everywhere. */
  readonly path: BodyPath | undefined;
}

/** How far numbers may be apart and still be alike. */
export interface ToleranceRule {
  /** The distance itself. */
  readonly absolute: number;
  /** The distance as a share of the larger magnitude, 0 to 1. */
  readonly relative: number;
  /** Which numbers, and those inside of what; `undefined`: all. */
  readonly path: BodyPath | undefined;
}

/** How the answers of one service are compared with the primary's: the service's own rules and the top level's. */
export interface CompareSettings {
  /** The share of the requests whose answers are compared, 0 to 1. */
  readonly sample: number;
  /** How much of a body is kept and decoded, in bytes; more of it is compared by length and digest. */
  readonly maxBodyBytes: number;
  /** Names of the header fields that are compared, in lower case. */
  readonly headers: readonly string[];
  /** What may differ, with all that is inside it. */
  readonly ignore: readonly BodyPath[];
  /** What is replaced, one after the other. */
  readonly normalise: readonly NormaliseRule[];
  /** The arrays whose order does not count, as JSON paths. */
  readonly unordered: "all" | readonly BodyPath[];
  /** How far numbers may be apart; the first rule about a number decides. */
  readonly tolerance: readonly ToleranceRule[];
  /** Whose values are never shown, with all that is inside, beside those whose name says that they are secret. */
  readonly redact: readonly BodyPath[];
  /** What is kept of answers that differ: short texts of values, whole bodies as well, or nothing. */
  readonly samples: "values" | "bodies" | "none";
  /** Paths with variable segments in braces that count as one endpoint each. */
  readonly endpoints: readonly string[];
}

/** What is the same for all comparisons. */
export interface ComparePlan {
  /** The share of the compared GET and HEAD requests that the primary is asked again to learn what differs by itself, 0 to 1. */
  readonly replaySample: number;
  /** How much all captured answers together may hold, in bytes. */
  readonly maxMemoryBytes: number;
}

/** Texts of a service for output: as written, with unresolved placeholders. */
export interface ShownService {
  /** The backend's URL, without a trailing slash. */
  readonly url: string;
  /** True if `url` contains a placeholder. The resolved URL must not be printed then. */
  readonly isUrlSecret: boolean;
  /** Path of the health check; `undefined`: none. */
  readonly healthPath: string | undefined;
  /** Name in the backend's certificate; `undefined`: the host of the URL. */
  readonly serverName: string | undefined;
}

/** One backend, as configured. */
export interface Service {
  /** The name in logs, in `X-Conductor-Service` and in problem details; unique. */
  readonly name: string;
  /** Scheme and authority of the backend, without a trailing slash: `http://localhost:8081`. */
  readonly origin: string;
  /** The path of the backend's `url`, kept in front of every request path; empty, or `/base`. */
  readonly basePath: string;
  /** Texts to print instead of `origin`, `basePath`, `health.path` and `tls.serverName`. */
  readonly shown: ShownService;
  /** How the backend proves its name; `undefined`: as the system's authorities and its URL say. */
  readonly tls: UpstreamTls | undefined;
  /** Whether it is reached with HTTP/2. */
  readonly http2: boolean;
  /** Time until the response's head, and the longest silence in a body, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the matched prefix is taken off the path. */
  readonly stripPrefix: boolean;
  /** Status codes that count as a failure. */
  readonly failOn: readonly StatusRange[];
  /** The Host field that the backend sees: its own, the client's, or a literal. */
  readonly host: "target" | "preserve" | { readonly literal: string };
  /** Request header lines to set, in place of the client's lines of the same name. */
  readonly headers: readonly HeaderLine[];
  /** Names of request fields to drop, in lower case. */
  readonly removeHeaders: readonly string[];
  /** Header lines to set on a response of this service when it is returned. */
  readonly responseHeaders: readonly HeaderLine[];
  /** When it is left alone for a while; `undefined`: never. */
  readonly breaker: BreakerSettings | undefined;
  /** How conductor's own server checks it; `undefined`: not at all. */
  readonly health: HealthSettings | undefined;
  /** How its copy is held back; `undefined`: it is sent at once. */
  readonly hedge: HedgeSettings | undefined;
  /** What of the traffic is copied; `undefined` where the service is no shadow. */
  readonly shadow: ShadowPolicy | undefined;
  /** How its answers are compared with the primary's, where it is not the primary itself; `undefined`: not at all. */
  readonly compare: CompareSettings | undefined;
  /** Whether it is what the primary is, so that what differs between the two differs by itself. */
  readonly control: boolean;
}

/** A service's part in a route. */
export interface Member {
  /** The backend. */
  readonly service: Service;
  /** Its role on this route, after promotion. */
  readonly role: Role;
}

/** All services that share one pattern. A request matches one route. */
export interface Route {
  /** How the path is compared. */
  readonly kind: PatternKind;
  /** The normalised path of the pattern: `/api`, without a trailing slash except for exact paths and `/`. */
  readonly path: string;
  /** The services in the order of the file. */
  readonly members: readonly Member[];
}

/** Where log lines go and how they look. */
export interface Logging {
  /** The lowest level that is written. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** `undefined`: pretty on a terminal, JSON lines otherwise. */
  readonly format: "json" | "pretty" | undefined;
  /** The stream that log lines are written to. */
  readonly output: "stdout" | "stderr";
}

/** Where counts and durations are served, and how. */
export interface MetricsSettings {
  /** Whether the data port serves them too. */
  readonly enabled: boolean;
  /** Their path, normalised. */
  readonly endpoint: string;
  /** Whether they are Prometheus text where the client does not say, in place of JSON. */
  readonly enablePrometheus: boolean;
}

/** What a server proves its name with. */
export interface ServerTls {
  /** The certificate chain as PEM text. */
  readonly cert: string;
  /** The private key as PEM text. */
  readonly key: string;
}

/** How much there may be at once; `Infinity` where there is no bound. */
export interface Limits {
  /** Exchanges of all clients. */
  readonly maxInFlight: number;
  /** Maximum exchanges in flight of one client; `undefined`: a fair share. */
  readonly maxInFlightPerClient: number | undefined;
  /** Maximum exchanges whose request body has not arrived completely. */
  readonly maxUploads: number;
  /** Average rate in bytes per second below which an upload is refused; 0: no minimum. */
  readonly minUploadBytesPerSecond: number;
  /** Attempts of one service. */
  readonly maxConnectionsPerService: number;
  /** Attempts that wait for one of those to end. */
  readonly maxQueuedPerService: number;
}

/** Where the server shows how it is doing. */
export interface AdminSettings {
  /** The TCP port; 0 for any free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly hostname: string;
  /** Text to print instead of `hostname`: placeholders are not resolved in it. */
  readonly shownHostname: string;
  /** What who asks must know; `undefined`: nothing. */
  readonly token: string | undefined;
}

/** The whole configuration. */
export interface Config {
  /** The TCP port that the server listens on. */
  readonly port: number;
  /** The address that the server listens on. */
  readonly hostname: string;
  /** Text to print instead of `hostname`: placeholders are not resolved in it. */
  readonly shownHostname: string;
  /** The certificate that the server shows; `undefined`: it speaks plain HTTP. */
  readonly tls: ServerTls | undefined;
  /** The services' default time-out, and how long a client may pause within a request body, in milliseconds. */
  readonly timeoutMs: number;
  /** What is waited for before a response is selected. */
  readonly wait: WaitMode;
  /** Whether a failing response is relayed when no service succeeded. */
  readonly relayFailures: boolean;
  /** Whether the answering service is named to clients. */
  readonly identify: boolean;
  /** Whether clients are told how long each service took. */
  readonly serverTiming: boolean;
  /** Whether services get an RFC 7239 `Forwarded` field beside `X-Forwarded-*`. */
  readonly forwarded: boolean;
  /** Addresses (CIDR) whose forwarding headers are believed. */
  readonly trustProxy: readonly string[];
  /** The largest request body in bytes; `Infinity` where there is no limit. */
  readonly maxBodyBytes: number;
  /** How many bytes of one request body may wait for one service. */
  readonly bodyWindowBytes: number;
  /** How much there may be at once. */
  readonly limits: Limits;
  /** What is the same for all comparisons; `undefined` where no service has `compare`. */
  readonly compare: ComparePlan | undefined;
  /** How long a shutdown waits for what is in flight, in milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** Log settings. */
  readonly logging: Logging;
  /** The admin listener; `undefined`: there is none. */
  readonly admin: AdminSettings | undefined;
  /** Texts that came from placeholders: they are not to be shown, wherever they turn up. */
  readonly secrets: readonly string[];
  /** Where the metrics are. */
  readonly metrics: MetricsSettings;
  /** The backends in the order of the file. */
  readonly services: readonly Service[];
  /** The services grouped by pattern, each with at least one primary. */
  readonly routes: readonly Route[];
}
