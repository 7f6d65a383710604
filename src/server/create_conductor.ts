/** An embedded conductor: the handler of `conductor()` with admin handler, metrics, report and health checks. */

import type { AdminSource } from "../admin/api.ts";
import { viewState } from "../admin/state_view.ts";
import { ComparisonStore } from "../compare/comparison_store.ts";
import { makeReport } from "../compare/make_report.ts";
import { NoiseMarks } from "../compare/noise_marks.ts";
import type { Report, ReportThresholds } from "../compare/report.ts";
import { DEFAULT_THRESHOLDS } from "../compare/report_thresholds.ts";
import type { Service } from "../config/config.ts";
import type { ConfigInput } from "../config/input.ts";
import { validateConfig } from "../config/validate.ts";
import { isOverload } from "../http/outcome_kinds.ts";
import { VERSION } from "../lib/version.ts";
import { ExchangeRecorder } from "../observe/exchange_recorder.ts";
import type { ConductorEvent } from "../observe/events.ts";
import { failureDetail } from "../observe/failure_detail.ts";
import { formatPrometheus } from "../observe/metric_families.ts";
import { Metrics } from "../observe/metrics.ts";
import { type DetailedObserver, swallowErrors } from "../observe/observers.ts";
import { createRedaction, withoutSecrets } from "../observe/redaction.ts";
import { HealthCounter } from "../policy/health.ts";
import { createSharedState } from "../policy/shared_state.ts";
import { type ConductorOptions, createHandler, type Handler, reportedBy } from "../proxy/fetch_handler.ts";
import { plainRequests, runtimeTransport } from "../upstream/runtime_transport.ts";
import { checkHealth } from "./health_check.ts";
import { AttemptsInFlight } from "./drain.ts";

/** Options of {@linkcode createConductor}. */
export interface CreateConductorOptions extends ConductorOptions {
  /** Access to the admin handler. */
  readonly admin?: {
    /**
     * Token that clients must send, of at least 16 characters. Without it, only requests to a loopback host are accepted.
     *
     * @default No token.
     */
    readonly token?: string;
    /**
     * Path below which the program mounts the handler, for example `/conductor`.
     *
     * @default The root.
     */
    readonly path?: string;
  };
}

/** Result of a health check on demand. */
export interface ServiceHealth {
  /** Name of the service. */
  readonly service: string;
  /** True if the response had an expected status. */
  readonly ok: boolean;
  /** State after the check. */
  readonly state: "healthy" | "unhealthy";
  /** Status of the response; absent without one. */
  readonly status?: number;
}

/** A conductor inside another program. */
export interface Conductor extends AsyncDisposable {
  /** Handles the requests of clients. */
  readonly fetch: Handler;
  /** Handles requests of the admin API and the dashboard, below the path of the option `admin.path`. */
  readonly admin: Handler;
  /** Returns the metrics as Prometheus text. */
  metrics(): string;
  /**
   * Returns the report on compared services; `undefined` if nothing is compared.
   *
   * @param thresholds Thresholds of the verdict, instead of the defaults.
   */
  report(thresholds?: Partial<ReportThresholds>): Report | undefined;
  /** Checks each service with `health` once. The results count as those of periodic checks. */
  check(): Promise<readonly ServiceHealth[]>;
}

/**
 * Creates a conductor for a program that has a server of its own. It opens no listener and starts no timer.
 *
 * @example Usage
 * ```ts
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * import { createConductor } from "@zeek/conductor";
 *
 * await using backend = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 * const url = `http://localhost:${backend.addr.port}`;
 *
 * await using conductor = createConductor({ services: [{ name: "api", url, health: { path: "/" } }] });
 * const response = await conductor.fetch(new Request("http://localhost/"));
 *
 * assertEquals(await response.text(), "hello");
 * assertEquals((await conductor.check())[0]?.ok, true);
 * assertStringIncludes(conductor.metrics(), "conductor_requests_total");
 * ```
 *
 * @param config Configuration with the fields of the configuration file, except the fields of conductor's own server,
 * such as `port`, `tls` and `logging`.
 * @param options Transport, clock, observer, and access to the admin handler.
 * @returns The conductor. Disposing it waits for all attempts in flight, shadow requests included.
 * @throws {ConfigError} If the configuration is invalid. The error lists every problem.
 */
export function createConductor(config: ConfigInput, options: CreateConductorOptions = {}): Conductor {
  const { observe, transport: given, admin: { token, path = "" } = {}, ...rest } = options;
  const { config: checked } = validateConfig(config, undefined, { embedding: "conductor" });
  const redaction = createRedaction(checked);
  const instance = createSharedState();
  const transport = given === undefined ? runtimeTransport() : plainRequests(given);
  const comparisons = new ComparisonStore();
  const inFlight = new AttemptsInFlight();
  const metrics = new Metrics();
  metrics.reconfigure(checked);
  const recorder = new ExchangeRecorder({ redaction: () => redaction });
  const notify = swallowErrors((event) => observe?.(withoutSecrets(event)));
  const observeAll: DetailedObserver = (event, detail) => {
    inFlight.observe(event);
    metrics.observe(event);
    recorder.observe(event, detail);
    notify(event);
  };
  const stopping = new AbortController();
  const counters = new Map<string, HealthCounter>();
  const reading = () => ({ metrics: metrics.snapshot() });
  const handle = createHandler(checked, {
    ...rest,
    observe: observeAll,
    instance,
    transport,
    comparisons,
    metricsSource: reading,
    stopping: stopping.signal,
  });
  const source: AdminSource = {
    config: checked,
    state: () => {
      const info = {
        version: VERSION,
        draining: stopping.signal.aborted,
        workers: { count: 1, crashes: 0 },
        process: {},
      };
      return Promise.resolve(viewState(checked, { ...info, ...reading() }));
    },
    reading: () => Promise.resolve(reading()),
    exchanges: (after) => Promise.resolve(recorder.after(after)),
    comparisons: (after, sinceMs) => Promise.resolve(comparisons.read(after, sinceMs)),
    resetComparisons: () => Promise.resolve(comparisons.reset()),
    marks: new NoiseMarks(),
  };
  let adminHandler: ReturnType<typeof loadAdmin> | undefined;

  /** Loads the handler when it is needed: most programs have none. */
  async function loadAdmin() {
    const { createMountedAdmin } = await import("../admin/mounted.ts");
    return createMountedAdmin(source, { token, path });
  }

  async function checkService(service: Service): Promise<ServiceHealth[]> {
    const { name, health } = service;
    if (health === undefined) return [];
    const { signal } = stopping;
    const { status, failure, error, isExpected } = await checkHealth(service, health, { transport, signal });
    let counter = counters.get(name);
    if (counter === undefined) counters.set(name, counter = new HealthCounter(health));
    // A lack of file descriptors or ports says nothing about the service.
    const changed = signal.aborted || (failure !== undefined && isOverload(failure))
      ? undefined
      : counter.count(isExpected);
    if (changed !== undefined) {
      instance.health.set(name, changed);
      const why = failure === undefined
        ? { ...(status !== undefined && { status }) }
        : { failure, ...failureDetail(failure, error, { service, redaction }) };
      const event: ConductorEvent = { type: "health", service: name, state: changed, ...why };
      metrics.observe(event);
      notify(event);
    }
    const state = instance.health.unavailableReason(service) ?? "healthy";
    return [{ service: name, ok: isExpected, state, ...(status !== undefined && { status }) }];
  }

  return {
    fetch: (request, info) => reportedBy(handle, request, info),
    admin: async (request, info) => await (await (adminHandler ??= loadAdmin())).handle(request, info),
    metrics: () => formatPrometheus(reading()),
    report: (thresholds = {}) => {
      const { stats } = comparisons.read(Infinity);
      return stats && makeReport(stats, { ...DEFAULT_THRESHOLDS, ...thresholds }, source.marks.list());
    },
    check: async () => (await Promise.all(checked.services.map(checkService))).flat(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      (await adminHandler)?.close();
      await inFlight.idle();
    },
  };
}
