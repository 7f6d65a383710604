/**
 * An HTTP request multiplexer. Each request goes to every matching service at once, and the client receives the
 * response of the primary.
 *
 * The journey of a request:
 *
 * 1. **Match** (`src/proxy/match.ts`): the exact path, otherwise the longest prefix, otherwise the longest base path.
 *    Without a route, the client receives 404.
 * 2. **Fan out** (`src/proxy/fan_out.ts`): to every service of the route at the same time, and to hedges later.
 * 3. **Wait** (`src/proxy/select.ts`): for all attempts, or until the selection is decided.
 * 4. **Select** (`src/proxy/select.ts`): a successful primary, otherwise another successful service, otherwise 502.
 * 5. **Respond** (`src/proxy/respond.ts`): the selected response, with a streamed body.
 *
 * {@linkcode conductor} creates the handler, {@linkcode serve} a server. Started directly, this module runs the command line.
 *
 * @module
 */

export { conductor, type ConductorOptions, type Handler } from "./src/proxy/fetch_handler.ts";
export { defineConfig } from "./src/config/define_config.ts";
export {
  type Conductor,
  createConductor,
  type CreateConductorOptions,
  type ServiceHealth,
} from "./src/server/create_conductor.ts";
export type { HeaderLine, Role, UpstreamTls } from "./src/config/config.ts";
export type {
  AccessFieldInput,
  AdminInput,
  ArraysInput,
  BreakerInput,
  ClientTimeoutsInput,
  CommonServiceInput,
  CompareInput,
  ConfigInput,
  HeadersInput,
  HealthInput,
  HedgeInput,
  IgnoreInput,
  LimitsInput,
  LoggingInput,
  MetricsInput,
  NormaliseInput,
  PrimaryServiceInput,
  RampInput,
  RatioInput,
  SampleInput,
  SecondaryServiceInput,
  ServiceCompareInput,
  ServiceInput,
  ServiceTlsInput,
  ShadowOrSecondaryServiceInput,
  ShadowServiceInput,
  SizeInput,
  StatusInput,
  TimeInput,
  TlsInput,
  ToleranceInput,
} from "./src/config/input.ts";
export type {
  LatencyQuantiles,
  Mismatch,
  MismatchSample,
  NeverComparable,
  NoisyField,
  NotComparableEntry,
  OtherBuild,
  Report,
  ReportedMark,
  ReportThresholds,
  RequestSample,
  ServiceReport,
  Verdict,
} from "./src/compare/report.ts";
export {
  NOT_COMPARABLE_REASONS,
  type NotComparableCounts,
  type NotComparableInfo,
  type NotComparableOrigin,
  type NotComparableReason,
} from "./src/observe/not_comparable.ts";
export type { NoiseMark } from "./src/compare/noise_marks.ts";
export type { RatioEstimate } from "./src/lib/statistics.ts";
export { ConfigError, type ConfigProblem } from "./src/config/read/config_error.ts";
export type { Trailers } from "./src/http/trailers.ts";
export type { UpstreamResponse } from "./src/upstream/attempt.ts";
export {
  type ConnectionRefusal,
  FAILURE_KINDS,
  type FailureKind,
  type FailureKindInfo,
  type FailureStage,
  REFUSAL_REASONS,
  type RefusalReason,
  type RefusalReasonInfo,
  SKIP_REASONS,
  type SkipReason,
} from "./src/http/outcome_kinds.ts";
export type { CancellationSignal } from "./src/lib/cancellation.ts";
export type { BreakerState } from "./src/policy/breaker.ts";
export type { HealthState } from "./src/policy/health.ts";
export type { ConnectionInfo } from "./src/http/client_request.ts";
export type { UpstreamRequest } from "./src/http/upstream_request.ts";
export type { TunnelEnd } from "./src/http/upgrade.ts";
export type {
  AttemptedEvent,
  BreakerEvent,
  ComparedEvent,
  ComparisonResult,
  ConductorEvent,
  FailureDetail,
  HealthEvent,
  InterruptedEvent,
  Observer,
  ReceivedEvent,
  RefusedEvent,
  RelayedEvent,
  RespondedEvent,
  SettledEvent,
  SkippedEvent,
  TunnelClosedEvent,
  TunnelEndCause,
  TunnelOpenedEvent,
  TunnelProgressEvent,
} from "./src/observe/events.ts";
export {
  type CloseServerOptions,
  type ConductorServer,
  serve,
  type ServerOptions,
} from "./src/server/conductor_server.ts";
export { loadConfig } from "./src/server/load_config.ts";
export { ListenError, type ListenErrorKind } from "./src/server/listen_error.ts";
export { fetchTransport, type FetchTransportOptions } from "./src/upstream/fetch.ts";
export { http1Transport, type Http1TransportOptions } from "./src/upstream/http1/http1.ts";
export type { Transport, TransportFailure, TransportRequest, TransportResult } from "./src/upstream/transport.ts";

if (import.meta.main) {
  const { main } = await import("./cli.ts");
  Deno.exit(await main(Deno.args));
}
