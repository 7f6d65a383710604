/** Validation: from any value to a checked configuration, or to all of its problems. */

import { withoutTrailingSlashes } from "../lib/trailing_slashes.ts";
import { socketPath } from "../lib/unix_socket.ts";
import { checkCompare, checkControls, comparePlan, compareSettings } from "./compare_settings.ts";
import type { BreakerSettings, Config, Logging, Role, Service, ShownService, UpstreamTls } from "./config.ts";
import { type ADMIN, type BREAKER, CLIENT_TIMEOUTS, CONFIG, type METRICS, type SERVICE } from "./fields.ts";
import { chooseListener, nodeFields } from "./listener_kind.ts";
import { ConfigError, type ConfigProblem } from "./read/config_error.ts";
import { sourceOf } from "./read/loaded_config.ts";
import { type ConfigSource, type Diagnostics, type Embedding, InputPath } from "./read/input_path.ts";
import { type Candidate, groupRoutes, type RouteGroup } from "./routes.ts";
import { type BackendUrl, isLoopback } from "./schema/address.ts";
import { kindOf, quote } from "./schema/describe.ts";
import { omit, type Output, type Partly } from "./schema/section.ts";
import { isMapping } from "./schema/value_type.ts";
import { checkShadows, SHADOW_KEYS, shadowPolicy, strippedHeaders } from "./shadow_policy.ts";

/** A checked configuration with its warnings. */
export interface ValidatedConfig {
  /** The configuration, frozen. */
  readonly config: Config;
  /** Fields without effect, or with an unexpected one: one sentence each. */
  readonly warnings: readonly string[];
}

type CheckedConfig = Output<typeof CONFIG>;
type CheckedService = Output<typeof SERVICE>;
/** The services of an input, with gaps where there are problems. */
type PartialServices = readonly (Partly<CheckedService> | undefined)[];

/** Default maximum time of an open breaker, within which a recovered service is detected. */
const DEFAULT_MAX_OPEN_MS = 60_000;

/** Fields of a service that decide on its routes. */
const ROUTE_KEYS = ["primary", "shadow", "pathExact", "pathPrefix", "path"] as const;

/** Keys of the top level that only services resolve. */
const UNRESOLVED_KEYS = new Set(["$schema", "failOn", "stripPrefix", "safeShadows"] as const);

/** Keys of a service from which others are computed. */
const UNRESOLVED_SERVICE_KEYS = new Set(["url", ...ROUTE_KEYS, ...SHADOW_KEYS] as const);

/** Options of {@linkcode validateConfig}. */
export interface ValidateOptions {
  /**
   * Function of the library that gets the configuration. Fields that it cannot apply are problems.
   *
   * @default None: conductor's own server applies all fields.
   */
  readonly embedding?: Embedding;
}

/**
 * Checks a configuration, and resolves its defaults and units. Throws a {@linkcode ConfigError} with all problems.
 * `givenSource` has facts about the text that `input` was read from. Without it, `input` may carry them.
 */
export function validateConfig(
  input: unknown,
  givenSource?: ConfigSource,
  { embedding }: ValidateOptions = {},
): ValidatedConfig {
  const source = givenSource ?? (isMapping(input) ? sourceOf(input) : undefined);
  const diagnostics: Diagnostics = { source, embedding, problems: [...source?.problems ?? []], warnings: [] };
  const root = new InputPath(diagnostics);
  if (!isMapping(input)) root.problem(`the configuration must be a mapping of fields: found ${kindOf(input)}`);
  const checked = isMapping(input) ? CONFIG.parse(input, root) : undefined;
  const routes = checkAcrossFields(checked, root, diagnostics);
  if (checked === undefined || diagnostics.problems.length > 0) {
    throw new ConfigError(inOrderOfLines(diagnostics.problems));
  }
  return { config: deepFreeze(resolveConfig(checked, routes, root)), warnings: diagnostics.warnings };
}

function checkAcrossFields(
  checked: Partly<CheckedConfig> | undefined,
  root: InputPath,
  { problems }: Diagnostics,
): readonly RouteGroup[] {
  const services = checked?.services ?? [];
  const list = root.child("services");
  checkNames(services, list);
  checkRoles(services, list);
  checkTls(services, list);
  checkBreakers(services, list);
  checkShadows(services, list);
  if (checked?.admin !== undefined) checkAdmin(checked.admin, checked, root.child("admin"));
  if (checked !== undefined) checkSocket(checked, root);
  checkCompare(services, list, checked?.compare !== undefined);
  const routes = problems.some(concernsRoutes) ? [] : groupRoutes(toCandidates(services, list));
  checkEndpoint(checked?.metrics, routes, root);
  checkListener(checked, root);
  if (checked?.logging !== undefined) checkLogging(checked.logging, root.child("logging"));
  checkControls(routes, services, list);
  return routes;
}

function checkLogging({ access, accessFields }: Partly<Logging>, at: InputPath): void {
  if (accessFields === undefined || access === "json") return;
  at.child("accessFields").problem("requires `access: json`: other formats have fixed fields");
}

function inOrderOfLines(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => a.line === b.line ? 0 : (a.line ?? Infinity) - (b.line ?? Infinity));
}

/** Reports whether a problem leaves open which services share a route, so that routes cannot be checked. */
function concernsRoutes({ path, message }: ConfigProblem): boolean {
  const match = /^services(?:\[\d+\](?:\.(\w+))?)?/.exec(path);
  if (match === null) return false;
  const key = match[1];
  return key === undefined || ROUTE_KEYS.some((routeKey) => routeKey === key) || message.startsWith("unknown key");
}

function checkNames(services: PartialServices, list: InputPath): void {
  const first = new Map<string, InputPath>();
  for (const [index, service] of services.entries()) {
    if (service?.name === undefined) continue;
    const at = list.child(index);
    const earlier = first.get(service.name);
    if (earlier === undefined) first.set(service.name, at);
    else at.child("name").problem(`must be unique: ${earlier.path} has the same name`);
  }
}

function checkRoles(services: PartialServices, list: InputPath): void {
  for (const [index, service] of services.entries()) {
    if (service?.primary && service.shadow) {
      list.child(index).child("shadow").problem(
        "cannot be combined with `primary`: clients never get the response of a shadow",
      );
    }
    if (service?.hedge !== undefined && service.shadow) {
      list.child(index).child("hedge").problem(
        "cannot be combined with `shadow`: clients never get the response of a shadow",
      );
    }
  }
}

function checkTls(services: PartialServices, list: InputPath): void {
  for (const [index, service] of services.entries()) {
    const origin = service?.url?.origin;
    if (service?.tls !== undefined && origin !== undefined && !origin.startsWith("https:")) {
      list.child(index).child("tls").problem("requires an https `url`: plain HTTP has no certificate");
    }
    if (service?.tls !== undefined) checkClientCertificate(service.tls, list.child(index).child("tls"));
    if (service?.tls?.insecure) checkInsecure(service, list.child(index));
    if (service?.http2) checkHttp2(service, list.child(index));
  }
}

function checkClientCertificate({ cert, key, serverName, insecure }: Partly<UpstreamTls>, at: InputPath): void {
  if (cert !== undefined && key === undefined) requireField(at.child("key"), "with `cert`");
  if (key !== undefined && cert === undefined) requireField(at.child("cert"), "with `key`");
  if (cert !== undefined && serverName !== undefined && !insecure) {
    at.child("serverName").problem("cannot be combined with `cert`: Deno then verifies the host of `url`");
  }
}

function checkInsecure({ name, tls }: Partly<CheckedService>, at: InputPath): void {
  const insecure = at.child("tls").child("insecure");
  if (tls?.ca !== undefined) return insecure.problem("cannot be combined with `ca`: no certificate is verified");
  const subject = name === undefined ? "this service" : quote(name);
  insecure.warn(`the certificate of ${subject} is not verified: any server can impersonate it`);
}

/**
 * Reports options that HTTP/2 lacks: it goes through the runtime's `fetch`, not through conductor's own connections.
 */
function checkHttp2({ tls, host = "target", upgrade }: Partly<CheckedService>, at: InputPath): void {
  const conflict = "cannot be combined with `http2`: the HTTP/2 client always verifies the host of `url`";
  if (tls?.serverName !== undefined) at.child("tls").child("serverName").problem(conflict);
  if (tls?.insecure) at.child("tls").child("insecure").problem(conflict);
  if (upgrade !== undefined) {
    at.child("upgrade").problem("cannot be combined with `http2`: connections of the HTTP/2 client cannot be upgraded");
  }
  if (host !== "target") {
    at.child("host").problem('must be "target" with `http2`: the HTTP/2 client always sends the host of `url`');
  }
}

function checkBreakers(services: PartialServices, list: InputPath): void {
  for (const [index, service] of services.entries()) {
    const { failures, window, openForMs, maxOpenForMs } = service?.breaker ?? {};
    const at = list.child(index).child("breaker");
    if (failures !== undefined && window !== undefined && window < failures) {
      at.child("window").problem("must be at least `failures`: otherwise the breaker never opens");
    }
    if (openForMs !== undefined && maxOpenForMs !== undefined && maxOpenForMs < openForMs) {
      at.child("maxOpenFor").problem("must be at least `openFor`");
    }
  }
}

function checkAdmin(
  { port, hostname, token, socketMode }: Partly<Output<typeof ADMIN>>,
  top: Partly<CheckedConfig>,
  at: InputPath,
): void {
  checkSocketMode(socketMode, hostname, at);
  if (hostname !== undefined && socketPath(hostname) !== undefined) {
    if (hostname === top.hostname) at.child("hostname").problem("must differ from the `hostname` of the top level");
    return;
  }
  if (port === undefined) requireField(at.child("port"), "unless `hostname` is a Unix socket");
  if (port !== undefined && port !== 0 && port === top.port && socketPath(top.hostname ?? "") === undefined) {
    at.child("port").problem("must differ from the `port` of the top level");
  }
  if (hostname !== undefined && !isLoopback(hostname) && token === undefined) {
    requireField(at.child("token"), "if other machines can reach the admin listener");
  }
}

/** Reports an absent field, unless it is absent because its value has a problem. */
function requireField(at: InputPath, condition: string): void {
  if (!at.hasProblem) at.problem(`is required ${condition}`);
}

function checkSocket({ hostname, socketMode, tls }: Partly<CheckedConfig>, root: InputPath): void {
  checkSocketMode(socketMode, hostname, root);
  if (tls !== undefined && hostname !== undefined && socketPath(hostname) !== undefined) {
    root.child("tls").problem("cannot be combined with a Unix socket: no other machine can read its bytes");
  }
}

function checkSocketMode(mode: number | undefined, hostname: string | undefined, at: InputPath): void {
  if (mode === undefined || hostname === undefined || socketPath(hostname) !== undefined) return;
  at.child("socketMode").problem("requires a Unix socket as `hostname`");
}

/** Rejects fields without effect: a server without the timeouts and limits of its configuration would be exposed. */
function checkListener(checked: Partly<CheckedConfig> | undefined, root: InputPath): void {
  const { listener, clientTimeouts, limits } = checked ?? {};
  if (listener !== "deno" || limits === undefined) return;
  const { maxConnections = Infinity, maxConnectionsPerClient = Infinity } = limits;
  const set = { listener, clientTimeouts, limits: { maxConnections, maxConnectionsPerClient }, services: [] };
  for (const field of nodeFields(set)) {
    root.child("listener").problem(`cannot be \`deno\` with \`${field}\`: only the node listener applies it`);
  }
}

/** Warns of an exact route that the metrics endpoint hides. */
function checkEndpoint(
  metrics: Partly<Output<typeof METRICS>> | undefined,
  routes: readonly RouteGroup[],
  root: InputPath,
): void {
  const { enabled = false, endpoint } = metrics ?? {};
  if (!enabled || !routes.some(({ kind, path }) => kind === "pathExact" && path === endpoint)) return;
  const at = root.child("metrics").child("endpoint");
  at.warn(
    "takes precedence over the `pathExact` of the same path, whose services get no requests: use another endpoint",
  );
}

function toCandidates(services: PartialServices, list: InputPath): Candidate[] {
  return services.map((service, index) => ({
    role: roleOf(service),
    isHedged: service?.hedge !== undefined,
    patterns: service ?? {},
    at: list.child(index),
  }));
}

function roleOf(service: Partly<CheckedService> | undefined): Role {
  if (service?.primary) return "primary";
  return service?.shadow ? "shadow" : "secondary";
}

function resolveConfig(top: CheckedConfig, routes: readonly RouteGroup[], root: InputPath): Config {
  const list = root.child("services");
  const services = top.services.map((service, index) => resolveService(service, top, list.child(index)));
  const { limits, admin } = top;
  return {
    ...omit(top, UNRESOLVED_KEYS),
    port: socketPath(top.hostname) === undefined ? top.port : 0,
    shownHostname: root.child("hostname").template ?? top.hostname,
    listener: chooseListener({ ...top, services }),
    clientTimeouts: top.clientTimeouts ?? CLIENT_TIMEOUTS.parse({}, root.child("clientTimeouts"))!,
    limits: {
      ...limits,
      maxUploads: limits.maxUploads ?? Math.ceil(limits.maxInFlight / 2),
      maxTunnels: limits.maxTunnels ?? Math.ceil(limits.maxInFlight / 2),
    },
    compare: comparePlan(services, top),
    admin: admin &&
      {
        ...admin,
        port: admin.port ?? 0,
        shownHostname: root.child("admin").child("hostname").template ?? admin.hostname,
      },
    secrets: [...root.secrets, ...services.flatMap(canonicalUrls)],
    services,
    routes: routes.map(({ kind, path, members }) => ({
      kind,
      path,
      members: members.map(({ index, role }) => ({ service: services[index]!, role })),
    })),
  };
}

function resolveService(service: CheckedService, top: CheckedConfig, at: InputPath): Service {
  return {
    ...omit(service, UNRESOLVED_SERVICE_KEYS),
    origin: service.url.origin,
    basePath: service.url.basePath,
    shown: shownTexts(service, at),
    timeoutMs: service.timeoutMs ?? top.timeoutMs,
    stripPrefix: service.stripPrefix ?? top.stripPrefix,
    failOn: service.failOn ?? top.failOn,
    removeHeaders: [...service.removeHeaders, ...strippedHeaders(service)],
    breaker: service.breaker && resolveBreaker(service.breaker),
    shadow: shadowPolicy(service, top),
    compare: compareSettings(service, top),
  };
}

function shownTexts({ url, health, tls }: CheckedService, at: InputPath): ShownService {
  const template = at.child("url").template;
  return {
    url: template === undefined ? shownUrl(url) : withoutTrailingSlashes(template),
    isUrlSecret: template !== undefined,
    healthPath: at.child("health").child("path").template ?? health?.path,
    serverName: at.child("tls").child("serverName").template ?? tls?.serverName,
  };
}

function shownUrl({ origin, basePath }: BackendUrl): string {
  const path = socketPath(origin);
  return path === undefined || basePath !== "" ? origin + basePath : `unix:${path}`;
}

/**
 * Returns a secret URL as the URL parser writes it (host in lower case, no default port), because responses repeat it.
 */
function canonicalUrls({ shown: { url, isUrlSecret }, origin, basePath }: Service): string[] {
  if (!isUrlSecret) return [];
  // A template that begins with the whole origin does not hide it.
  return url.startsWith(origin) ? [origin + basePath] : [origin, origin + basePath];
}

function resolveBreaker({ failures, window, openForMs, maxOpenForMs }: Output<typeof BREAKER>): BreakerSettings {
  return {
    failures,
    window: window ?? failures,
    openForMs,
    maxOpenForMs: maxOpenForMs ?? Math.max(openForMs, DEFAULT_MAX_OPEN_MS),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}
