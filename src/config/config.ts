/**
 * The checked configuration: all defaults filled in, all units resolved, frozen.
 *
 * Types of sections are inferred from their declarations in `fields.ts`. This file adds only values that are
 * computed from several fields.
 */

import type { BodyPath } from "./body_path.ts";
import type {
  ADMIN,
  BREAKER,
  CLIENT_TIMEOUTS,
  COMPARE_RULE_FIELDS,
  CONFIG,
  HEALTH,
  HEDGE,
  LIMITS,
  LOGGING,
  METRICS,
  NORMALISE,
  RAMP,
  SERVICE,
  SHADOW_FIELDS,
  TLS,
  TOLERANCE,
} from "./fields.ts";
import type { ListenerChoice } from "./listener_kind.ts";
import type { HeaderLine, SampleKey, StatusRange, UpgradePolicy } from "./schema/http.ts";
import type { EndpointPattern } from "./schema/paths.ts";
import type { Output, Values } from "./schema/section.ts";

export type { BodyPath, EndpointPattern, HeaderLine, SampleKey, StatusRange, UpgradePolicy };
export type { HedgeDelay } from "./schema/quantity.ts";

/** Role of a service on a route. */
export type Role = "primary" | "secondary" | "shadow";

/** Time at which a response is selected: after all services have settled, or as soon as the selection is decided. */
export type WaitMode = "all" | "primary";

/** Kinds of path patterns, from the strongest to the weakest. */
export type PatternKind = "pathExact" | "pathPrefix" | "path";

/** A section whose optional fields have been computed. */
type Complete<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

export type BreakerSettings = Complete<Output<typeof BREAKER>>;
export type HealthSettings = Output<typeof HEALTH>;
export type HedgeSettings = Output<typeof HEDGE>;
export type Ramp = Complete<Output<typeof RAMP>>;
export type NormaliseRule = Output<typeof NORMALISE>;
export type ToleranceRule = Output<typeof TOLERANCE>;
/** Comparison of one service: its own rules before those of the top level. */
export type CompareSettings = Values<typeof COMPARE_RULE_FIELDS>;
export type UnorderedArray = Exclude<CompareSettings["unordered"], "all">[number];
export type Logging = Output<typeof LOGGING>;
export type MetricsSettings = Output<typeof METRICS>;
export type ClientTimeouts = Output<typeof CLIENT_TIMEOUTS>;
export type ServerTls = Output<typeof TLS>;

/**
 * Certificate verification of an `https` backend, and the client certificate for it. Declared here, because published
 * types must not be inferred.
 */
export interface UpstreamTls {
  /** PEM text of additional certificate authorities; `undefined`: none. */
  readonly ca: string | undefined;
  /** Server name for SNI and verification; `undefined`: the host of the URL. */
  readonly serverName: string | undefined;
  /** Skip certificate verification. */
  readonly insecure: boolean;
  /** PEM text of the client certificate and its intermediate certificates; `undefined`: none. */
  readonly cert?: string | undefined;
  /** PEM text of the private key of `cert`. */
  readonly key?: string | undefined;
}

/** Limits; `Infinity` if there is none. */
export interface Limits extends Omit<Output<typeof LIMITS>, "maxUploads" | "maxTunnels"> {
  readonly maxUploads: number;
  readonly maxTunnels: number;
}

/** Sampling and limits of a shadow. */
export interface ShadowPolicy extends Omit<Values<typeof SHADOW_FIELDS>, "sample" | "ramp"> {
  /** Ratio of requests, or of clients if there is a `sampleKey`; with a ramp, the ratio at its end. */
  readonly sampleRate: number;
  /** Identity of a client; `undefined`: requests are sampled. */
  readonly sampleKey: SampleKey | undefined;
  readonly ramp: Ramp | undefined;
}

/** Settings that all comparisons share. */
export interface ComparePlan {
  /** Ratio of compared GET and HEAD requests that are replayed to the primary; 0: none. */
  readonly replaySample: number;
  /** Further requests that are replayed like GET and HEAD requests. */
  readonly replayable: readonly EndpointPattern[];
  /** Maximum memory of all captured responses. */
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

/** A service. */
export interface Service extends
  Omit<
    Output<typeof SERVICE>,
    keyof Values<typeof SHADOW_FIELDS> | PatternKind | "url" | "primary" | "shadow" | "breaker" | "compare"
  > {
  /**
   * Scheme and authority of the backend, without a trailing slash: `http://localhost:8081`, or
   * `http+unix://%2Frun%2Fapp.sock` for a Unix socket.
   */
  readonly origin: string;
  /** Path before every request path; empty, or `/base`. */
  readonly basePath: string;
  /** Texts to print instead of `origin`, `basePath`, `health.path` and `tls.serverName`. */
  readonly shown: ShownService;
  readonly timeoutMs: number;
  readonly stripPrefix: boolean;
  readonly failOn: readonly StatusRange[];
  /** Header fields to remove. Without a mirrored body, they include the fields that describe one. */
  readonly removeHeaders: readonly string[];
  readonly breaker: BreakerSettings | undefined;
  /** `undefined` if the service is not a shadow. */
  readonly shadow: ShadowPolicy | undefined;
  /** `undefined` if the service is not compared. */
  readonly compare: CompareSettings | undefined;
}

/** A service on a route. */
export interface Member {
  readonly service: Service;
  /** Role on this route, after promotion. */
  readonly role: Role;
}

/** All services that share one pattern. A request matches one route. */
export interface Route {
  readonly kind: PatternKind;
  /** The normalised path of the pattern: `/api`, without a trailing slash except for exact paths and `/`. */
  readonly path: string;
  /** The services in the order of the file. */
  readonly members: readonly Member[];
}

/** The admin listener. */
export interface AdminSettings extends Omit<Output<typeof ADMIN>, "port"> {
  /** TCP port; 0 for a Unix socket. */
  readonly port: number;
  /** Text to print instead of `hostname`: placeholders are not resolved in it. */
  readonly shownHostname: string;
}

/** The checked configuration. */
export interface Config extends
  Omit<
    Output<typeof CONFIG>,
    "$schema" | "failOn" | "stripPrefix" | "safeShadows" | "compare" | "services" | "listener" | "clientTimeouts"
  > {
  readonly listener: ListenerChoice;
  /** Only the node listener applies them. */
  readonly clientTimeouts: ClientTimeouts;
  /** Text to print instead of `hostname`: placeholders are not resolved in it. */
  readonly shownHostname: string;
  readonly limits: Limits;
  /** `undefined` if no service is compared. */
  readonly compare: ComparePlan | undefined;
  readonly admin: AdminSettings | undefined;
  /** Texts from placeholders. Output must not show them. */
  readonly secrets: readonly string[];
  /** The services in the order of the file. */
  readonly services: readonly Service[];
  /** The services grouped by pattern, each with at least one primary. */
  readonly routes: readonly Route[];
}

/**
 * Reports whether two services of the same name are the same backend, verified in the same way. State of a service
 * survives a reload in this case. `section` must be the same too, for state that depends on it.
 */
export function sameUpstream(a: Service, b: Service, section?: "breaker" | "health"): boolean {
  return identityOf(a, section) === identityOf(b, section);
}

function identityOf(service: Service, section: "breaker" | "health" | undefined): string {
  const { origin, basePath, tls, http2 } = service;
  return JSON.stringify([origin, basePath, tls, http2, section === undefined ? null : service[section]]);
}
