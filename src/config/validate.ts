/** From anything to a checked configuration, or to every problem it has. */

import type {
  AdminSettings,
  BreakerSettings,
  Config,
  HealthSettings,
  HedgeSettings,
  Limits,
  Logging,
  MetricsSettings,
  Role,
  ServerTls,
  Service,
  ShownService,
  UpstreamTls,
} from "./config.ts";
import { checkCompare, checkControls, toComparePlan, toCompareSettings } from "./compare_settings.ts";
import { ConfigError, type ConfigProblem } from "./read/config_error.ts";
import { checkShadows, strippedHeaders, toShadowPolicy } from "./shadow_policy.ts";
import { kindOf, quote } from "./schema/describe.ts";
import { isLoopback } from "./loopback.ts";
import {
  type ADMIN_FIELDS,
  type BREAKER_FIELDS,
  CONFIG_FIELDS,
  type HEALTH_FIELDS,
  type HEDGE_FIELDS,
  type LIMITS_FIELDS,
  type LOGGING_FIELDS,
  type METRICS_FIELDS,
  type SERVICE_FIELDS,
  type SERVICE_TLS_FIELDS,
  type TLS_FIELDS,
} from "./fields.ts";
import { isMapping } from "./read/mapping.ts";
import { type Diagnostics, InputPath } from "./read/input_path.ts";
import { type Candidate, groupRoutes, type RouteGroup } from "./routes.ts";
import { type Output, type PartialOutput, section } from "./schema/section.ts";
import type { ConfigSource } from "./read/source.ts";
import { withoutTrailingSlashes } from "../lib/trailing_slashes.ts";

/** A checked configuration, and what its author should know. */
export interface ValidatedConfig {
  /** The configuration, frozen. */
  readonly config: Config;
  /** What has no effect, or another than may be expected: one sentence each. */
  readonly warnings: readonly string[];
}

type CheckedAdmin = Output<typeof ADMIN_FIELDS>;
type CheckedConfig = Output<typeof CONFIG_FIELDS>;
type CheckedLogging = Output<typeof LOGGING_FIELDS>;
type CheckedMetrics = Output<typeof METRICS_FIELDS>;
type CheckedLimits = Output<typeof LIMITS_FIELDS>;
type CheckedTls = Output<typeof TLS_FIELDS>;
type CheckedServiceTls = Output<typeof SERVICE_TLS_FIELDS>;
type CheckedBreaker = Output<typeof BREAKER_FIELDS>;
type CheckedHealth = Output<typeof HEALTH_FIELDS>;
type CheckedHedge = Output<typeof HEDGE_FIELDS>;
type CheckedService = Output<typeof SERVICE_FIELDS>;
type PartlyCheckedAdmin = PartialOutput<typeof ADMIN_FIELDS>;
type PartlyCheckedService = PartialOutput<typeof SERVICE_FIELDS>;

/** How far the time of an open breaker grows where nothing else is said; a service that is back is found so within it. */
const MAX_OPEN_FOR_MS = 60_000;

/** The fields of a service that decide on its routes. */
const ROUTE_KEYS = ["primary", "shadow", "pathExact", "pathPrefix", "path"];

/**
 * Checks a configuration and resolves its defaults and units.
 *
 * @param input The configuration as written: a plain object, or what `readConfig` returned.
 * @param source What is known of the text that it was read from; absent for a plain object.
 * @returns The configuration and the warnings.
 * @throws {ConfigError} If there is any problem; it lists all of them.
 */
export function validateConfig(input: unknown, source?: ConfigSource): ValidatedConfig {
  const findings: Diagnostics = { source, problems: [...source?.problems ?? []], warnings: [] };
  const root = new InputPath(findings);
  if (!isMapping(input)) root.problem(`the configuration must be a mapping of fields: found ${kindOf(input)}`);
  const checked = isMapping(input) ? section(CONFIG_FIELDS).parse(input, root) : undefined;
  const services = checked?.services ?? [];
  const list = root.child("services");
  checkNames(services, list);
  checkRoles(services, list);
  checkTls(services, list);
  checkBreakers(services, list);
  checkShadows(services, list);
  if (checked?.admin !== undefined) checkAdmin(checked.admin, checked.port, root.child("admin"));
  checkCompare(services, list, checked?.compare !== undefined);
  const routes = findings.problems.some(concernsRoutes) ? [] : groupRoutes(toCandidates(services, list));
  checkEndpoint(checked?.metrics, routes, root);
  checkControls(routes, services, list);
  if (findings.problems.length > 0) throw new ConfigError(inOrderOfLines(findings.problems));
  return {
    config: deepFreeze(toConfig(checked as CheckedConfig, routes, root)),
    warnings: findings.warnings,
  };
}

function inOrderOfLines(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => a.line === b.line ? 0 : (a.line ?? Infinity) - (b.line ?? Infinity));
}

/** Whether a problem leaves open which services share a route: nothing can be told of routes then. */
function concernsRoutes({ path, message }: ConfigProblem): boolean {
  const match = /^services(?:\[\d+\](?:\.(\w+))?)?/.exec(path);
  if (match === null) return false;
  const key = match[1];
  return key === undefined || ROUTE_KEYS.includes(key) || message.startsWith("unknown key");
}

function checkNames(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): void {
  const first = new Map<string, InputPath>();
  for (const [index, service] of services.entries()) {
    if (service?.name === undefined) continue;
    const at = list.child(index);
    const twin = first.get(service.name);
    if (twin === undefined) first.set(service.name, at);
    else at.child("name").problem(`must be unique: ${twin.path} has the same name`);
  }
}

function checkRoles(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): void {
  for (const [index, service] of services.entries()) {
    if (service?.primary && service.shadow) {
      list.child(index).child("shadow").problem("must not be true for a primary: a shadow never answers");
    }
    if (service?.hedge !== undefined && service.shadow) {
      list.child(index).child("hedge").problem("must not be there for a shadow: a shadow never answers, early or late");
    }
  }
}

function checkTls(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): void {
  for (const [index, service] of services.entries()) {
    if (service?.tls !== undefined && service.url?.origin.startsWith("http:")) {
      list.child(index).child("tls").problem("must not be there for an http URL: nothing would be verified");
    }
    if (service?.tls?.insecure) checkInsecure(service, list.child(index));
    if (service?.http2) checkHttp2(service, list.child(index));
  }
}

function checkInsecure({ name, tls }: PartlyCheckedService, at: InputPath): void {
  const insecure = at.child("tls").child("insecure");
  if (tls?.ca !== undefined) return insecure.problem("must not be true beside ca: nobody would be asked to vouch");
  const subject = name === undefined ? "this service" : quote(name);
  insecure.warn(`nothing about the certificate of ${subject} is verified: whoever answers is believed`);
}

/** HTTP/2 is spoken by the runtime's fetch, which can not do all that conductor's own connections can. */
function checkHttp2({ tls, host = "target" }: PartlyCheckedService, at: InputPath): void {
  const because = "beside http2: the client for it always verifies the host of the URL";
  if (tls?.serverName !== undefined) at.child("tls").child("serverName").problem(`must not be there ${because}`);
  if (tls?.insecure) at.child("tls").child("insecure").problem(`must not be true ${because}`);
  if (host !== "target") {
    at.child("host").problem('must be "target" beside http2: the client for it always names the host of the URL');
  }
}

function checkBreakers(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): void {
  for (const [index, service] of services.entries()) {
    const { failures, window, openFor, maxOpenFor } = service?.breaker ?? {};
    const at = list.child(index).child("breaker");
    if (failures !== undefined && window !== undefined && window < failures) {
      at.child("window").problem("must be at least as large as failures: else it would never open");
    }
    if (openFor !== undefined && maxOpenFor !== undefined && maxOpenFor < openFor) {
      at.child("maxOpenFor").problem("must be at least as long as openFor");
    }
  }
}

function checkAdmin({ port, hostname, token }: PartlyCheckedAdmin, dataPort: number | undefined, at: InputPath): void {
  if (port !== undefined && port !== 0 && port === dataPort) {
    at.child("port").problem("must be another than the port that requests come to");
  }
  if (hostname !== undefined && !isLoopback(hostname) && token === undefined && !at.child("token").isUnknown) {
    at.child("token").problem("is required where other machines can reach the admin listener");
  }
}

/** The metrics' path on the data port is no route, and stronger than one. */
function checkEndpoint(
  metrics: Partial<CheckedMetrics> | undefined,
  routes: readonly RouteGroup[],
  root: InputPath,
): void {
  const { enabled = false, endpoint } = metrics ?? {};
  if (!enabled || !routes.some(({ kind, path }) => kind === "pathExact" && path === endpoint)) return;
  const at = root.child("metrics").child("endpoint");
  at.warn("comes before the pathExact of the same path, whose services get no requests: choose another endpoint");
}

function toCandidates(services: readonly (PartlyCheckedService | undefined)[], list: InputPath): Candidate[] {
  return services.map((service = {}, index) => ({
    role: roleOf(service),
    isHeldBack: service.hedge !== undefined,
    patterns: service,
    at: list.child(index),
  }));
}

function roleOf({ primary, shadow }: PartlyCheckedService): Role {
  if (primary) return "primary";
  return shadow ? "shadow" : "secondary";
}

function toConfig(
  checked: CheckedConfig,
  routes: readonly RouteGroup[],
  root: InputPath,
): Config {
  const list = root.child("services");
  const services = checked.services.map((service, index) =>
    toService(service as CheckedService, checked, list.child(index))
  );
  return {
    port: checked.port,
    hostname: checked.hostname,
    shownHostname: root.child("hostname").template ?? checked.hostname,
    tls: toTls(checked.tls as CheckedTls | undefined),
    timeoutMs: checked.timeout,
    wait: checked.wait,
    relayFailures: checked.relayFailures,
    identify: checked.identify,
    serverTiming: checked.serverTiming,
    forwarded: checked.forwarded,
    trustProxy: checked.trustProxy,
    maxBodyBytes: checked.maxBodySize ?? Infinity,
    bodyWindowBytes: checked.bodyWindow,
    limits: toLimits(checked.limits as CheckedLimits),
    compare: toComparePlan(services, checked),
    shutdownTimeoutMs: checked.shutdownTimeout,
    logging: toLogging(checked.logging as CheckedLogging),
    admin: toAdmin(checked.admin as CheckedAdmin | undefined, root.child("admin")),
    secrets: [...root.secrets, ...services.flatMap(canonicalUrls)],
    metrics: toMetrics(checked.metrics as CheckedMetrics),
    services,
    routes: routes.map(({ kind, path, members }) => ({
      kind,
      path,
      members: members.map(({ index, role }) => ({ service: services[index]!, role })),
    })),
  };
}

function toService(service: CheckedService, top: CheckedConfig, at: InputPath): Service {
  return {
    name: service.name,
    origin: service.url.origin,
    basePath: service.url.basePath,
    shown: toShown(service, at),
    tls: toUpstreamTls(service.tls as CheckedServiceTls | undefined),
    http2: service.http2,
    timeoutMs: service.timeout ?? top.timeout,
    stripPrefix: service.stripPrefix ?? top.stripPrefix,
    failOn: service.failOn ?? top.failOn,
    host: service.host,
    headers: service.headers,
    removeHeaders: [...service.removeHeaders, ...strippedHeaders(service)],
    responseHeaders: service.responseHeaders,
    breaker: toBreaker(service.breaker as CheckedBreaker | undefined),
    health: toHealth(service.health as CheckedHealth | undefined),
    hedge: toHedge(service.hedge as CheckedHedge | undefined),
    shadow: toShadowPolicy(service, top),
    compare: toCompareSettings(service, top),
    control: service.control,
  };
}

function toShown({ url, health, tls }: CheckedService, at: InputPath): ShownService {
  const template = at.child("url").template;
  return {
    url: template === undefined ? url.origin + url.basePath : withoutTrailingSlashes(template),
    isUrlSecret: template !== undefined,
    healthPath: at.child("health").child("path").template ?? health?.path,
    serverName: at.child("tls").child("serverName").template ?? tls?.serverName,
  };
}

/** Responses repeat the URL of a backend as the parser wrote it: with a host in lower case, without the scheme's own port. */
function canonicalUrls({ shown: { url, isUrlSecret }, origin, basePath }: Service): string[] {
  if (!isUrlSecret) return [];
  // A template that begins with the whole origin hides nothing of it.
  return url.startsWith(origin) ? [origin + basePath] : [origin, origin + basePath];
}

function toUpstreamTls(tls: CheckedServiceTls | undefined): UpstreamTls | undefined {
  return tls === undefined ? undefined : { ca: tls.ca, serverName: tls.serverName, insecure: tls.insecure };
}

function toBreaker(breaker: CheckedBreaker | undefined): BreakerSettings | undefined {
  if (breaker === undefined) return undefined;
  const { failures, window = failures, openFor, maxOpenFor = Math.max(openFor, MAX_OPEN_FOR_MS) } = breaker;
  return { failures, window, openForMs: openFor, maxOpenForMs: maxOpenFor };
}

function toHealth(health: CheckedHealth | undefined): HealthSettings | undefined {
  if (health === undefined) return undefined;
  const { path, interval, timeout, unhealthyAfter, healthyAfter, expect } = health;
  return { path, intervalMs: interval, timeoutMs: timeout, unhealthyAfter, healthyAfter, expect };
}

function toHedge(hedge: CheckedHedge | undefined): HedgeSettings | undefined {
  return hedge === undefined ? undefined : { after: hedge.after, maxExtra: hedge.maxExtra, unsafe: hedge.unsafe };
}

function toLogging({ level, format, output }: CheckedLogging): Logging {
  return { level, format, output };
}

function toAdmin(admin: CheckedAdmin | undefined, at: InputPath): AdminSettings | undefined {
  if (admin === undefined) return undefined;
  const { port, hostname, token } = admin;
  return { port, hostname, shownHostname: at.child("hostname").template ?? hostname, token };
}

function toMetrics({ enabled, endpoint, enablePrometheus }: CheckedMetrics): MetricsSettings {
  return { enabled, endpoint, enablePrometheus };
}

function toLimits(limits: CheckedLimits): Limits {
  return {
    maxInFlight: limits.maxInFlight,
    maxInFlightPerClient: limits.maxInFlightPerClient,
    maxUploads: limits.maxUploads ?? Math.ceil(limits.maxInFlight / 2),
    minUploadBytesPerSecond: limits.minUploadRate,
    maxConnectionsPerService: limits.maxConnectionsPerService ?? Infinity,
    maxQueuedPerService: limits.maxQueuedPerService,
  };
}

function toTls(tls: CheckedTls | undefined): ServerTls | undefined {
  return tls === undefined ? undefined : { cert: tls.cert, key: tls.key };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}
