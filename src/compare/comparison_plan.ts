/** Plans: which services of a route are compared, by which rules, and on which requests. */

import type { CompareSettings, Config, EndpointPattern, Route, Service } from "../config/config.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { KnownSecrets } from "../lib/known_secrets.ts";
import { Sampler } from "../lib/sampler.ts";
import { REDACTED, redactPath } from "../lib/secret_text.ts";
import { secretsOf } from "../observe/redaction.ts";
import { routePattern } from "../observe/events.ts";
import { EndpointNames, matchesTemplate } from "./endpoint_names.ts";
import { isGraphqlPath, operationOf } from "./graphql.ts";
import { MAX_SAMPLED_BODY_BYTES } from "./request_sample.ts";
import { CompareRules } from "./rules.ts";

/** A service that is compared with the primary. */
export interface Candidate {
  readonly service: Service;
  readonly settings: CompareSettings;
  readonly rules: CompareRules;
}

/** Candidates with the same sample ratio. They are compared on the same requests, so the baseline is captured once. */
interface SampledGroup {
  readonly sampler: Sampler;
  readonly services: readonly Service[];
}

/** Plan of one route. */
export interface ComparisonPlan {
  /** The route's pattern. */
  readonly route: string;
  readonly primary: Service;
  readonly candidates: readonly Candidate[];
  /** The primary and all candidates. */
  readonly allServices: ReadonlySet<Service>;
  readonly endpoints: EndpointNames;
  /** Names of GraphQL operations that have been seen. */
  readonly operations: Set<string>;
  /** Requests that may be replayed although they are neither GET nor HEAD. */
  readonly replayable: readonly EndpointPattern[];
  /** True if samples of requests are kept. */
  readonly hasSamples: boolean;
  /** Maximum size of a captured body, in bytes. */
  readonly maxBodyBytes: number;
  readonly groups: readonly SampledGroup[];
  /** Selects the requests that are replayed to the primary, to measure noise. */
  readonly replaySampler: Sampler;
}

/** Maximum names of GraphQL operations per route. Further operations of an endpoint share a name. */
const MAX_OPERATIONS = 200;
/** Maximum length of a path from which an endpoint is named. Names of endpoints are shorter. */
const MAX_PATH_LENGTH = 2_048;

/** Returns the plans of all routes on which services are compared. */
export function plansFor(config: Config): Map<Route, ComparisonPlan> {
  const known = secretsOf(config);
  const { replaySample: replayRatio = 0, replayable = [] } = config.compare ?? {};
  const plans = new Map<Route, ComparisonPlan>();
  for (const route of config.routes) {
    const plan = planFor(route, { replayRatio, replayable, known });
    if (plan !== undefined) plans.set(route, plan);
  }
  return plans;
}

interface PlanOptions {
  readonly replayRatio: number;
  readonly replayable: readonly EndpointPattern[];
  readonly known: KnownSecrets;
}

function planFor(route: Route, { replayRatio, replayable, known }: PlanOptions): ComparisonPlan | undefined {
  const primary = route.members.find(({ role }) => role === "primary")?.service;
  const candidates = route.members
    .filter(({ role }) => role !== "primary")
    .flatMap(({ service }) => service.compare === undefined ? [] : candidateFor(service, service.compare, known));
  if (primary === undefined || candidates.length === 0) return undefined;
  return {
    route: routePattern(route),
    primary,
    candidates,
    allServices: new Set([primary, ...candidates.map(({ service }) => service)]),
    operations: new Set(),
    replayable,
    endpoints: new EndpointNames({
      templates: candidates.flatMap(({ settings }) => settings.endpoints),
      redact: (path) => redactPath(path.slice(0, MAX_PATH_LENGTH)).replaceAll(REDACTED, "{id}"),
    }),
    hasSamples: candidates.some(({ settings }) => settings.samples !== "none"),
    maxBodyBytes: Math.max(...candidates.map(({ settings }) => settings.maxBodyBytes)),
    groups: groupBySample(candidates),
    replaySampler: new Sampler(replayRatio),
  };
}

function candidateFor(service: Service, settings: CompareSettings, known: KnownSecrets): Candidate {
  return { service, settings, rules: new CompareRules(settings, { known }) };
}

function groupBySample(candidates: readonly Candidate[]): SampledGroup[] {
  const ratios = new Set(candidates.map(({ settings }) => settings.sample));
  return [...ratios].map((ratio) => ({
    sampler: new Sampler(ratio),
    services: candidates.filter(({ settings }) => settings.sample === ratio).map(({ service }) => service),
  }));
}

/** Returns the services whose responses to the next request are captured; `undefined` if none are. */
export function sampleServices({ primary, groups, allServices }: ComparisonPlan): ReadonlySet<Service> | undefined {
  const sampled = groups.filter(({ sampler }) => sampler.next());
  if (sampled.length === groups.length) return allServices;
  return sampled.length === 0 ? undefined : new Set([primary, ...sampled.flatMap(({ services }) => services)]);
}

/**
 * Returns the name of a request's endpoint. Names are shown, so a secret in the path becomes `{id}`. The operation of a
 * GraphQL request is a part of the name.
 */
export function endpointOf(
  { endpoints, operations }: ComparisonPlan,
  request: ReceivedRequest,
  body?: Uint8Array,
): string {
  const name = endpoints.nameOf(request.method, request.path);
  const operation = operationOf(request, body);
  if (operation === undefined) return name;
  if (operations.size < MAX_OPERATIONS) operations.add(operation);
  // Clients choose the names.
  return `${name} ${operations.has(operation) ? operation : "{…}"}`;
}

/** Reports whether a request may be sent to the primary again: it is GET or HEAD, or the configuration says so. */
export function isReplayable(
  { replayable }: Pick<ComparisonPlan, "replayable">,
  { method, path }: Pick<ReceivedRequest, "method" | "path">,
): boolean {
  if (method === "GET" || method === "HEAD") return true;
  return replayable.some((pattern) =>
    pattern.method === method && matchesTemplate(pattern.path.split("/"), path.split("/"))
  );
}

/**
 * Reports whether the body of a request is needed after the exchange: for samples, for a replay, or for the name of its
 * endpoint.
 */
export function needsBody(plan: ComparisonPlan, request: ReceivedRequest, length: number): boolean {
  if (plan.hasSamples && length <= MAX_SAMPLED_BODY_BYTES) return true;
  return plan.replayable.length > 0 && isReplayable(plan, request) || isGraphqlPath(request.path);
}
