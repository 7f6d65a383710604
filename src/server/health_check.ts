/** One health check: a GET to the service, and what is made of the answer. */

import type { HealthSettings, Service } from "../config/config.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import { setHeaders } from "../http/headers.ts";
import { drainBody } from "../upstream/response_body.ts";
import { untraced } from "../observe/telemetry.ts";
import type { Transport, TransportRequest } from "../upstream/transport.ts";

/** How a check went. */
export interface CheckResult {
  /** Whether the service answered as it is expected to. */
  readonly isGood: boolean;
  /** The status of the answer; absent where there was none in time. */
  readonly status?: number;
  /** Why there was none. */
  readonly failure?: FailureKind;
}

/** What a check needs. */
export interface HealthCheckOptions {
  /** Sends it. */
  readonly transport: Transport;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

const USER_AGENT = ["user-agent", "conductor-health"] as const;
/** The time-out of a check is one for all of it, however its body drips. */
const NO_DEADLINE = { refresh: () => {}, stop: () => {} };

/**
 * Checks a service. The answer's body must come within the time-out too, up to a bound.
 *
 * @param service The service.
 * @param health How it is checked.
 * @param options The means.
 * @returns How it went. Does not reject.
 */
export async function checkHealth(
  service: Service,
  health: HealthSettings,
  { transport, signal }: HealthCheckOptions,
): Promise<CheckResult> {
  const ending = new AbortController();
  const end = () => ending.abort();
  const timer = setTimeout(end, health.timeoutMs);
  signal.addEventListener("abort", end);
  try {
    const result = await untraced(() => transport(requestFor(service, health, ending.signal)));
    if (result.ok && result.response.body instanceof ReadableStream) {
      await drainBody(result.response.body, { deadline: NO_DEADLINE, cancellation: ending.signal });
    }
    if (ending.signal.aborted) return { isGood: false, failure: "timeout" };
    if (!result.ok) return { isGood: false, failure: result.kind };
    const { status } = result.response;
    return { isGood: health.expect.some(({ from, to }) => status >= from && status <= to), status };
  } catch {
    // Transports promise not to reject.
    return { isGood: false, failure: "protocol" };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** As a request would be sent, but for what only a client can say. */
function requestFor(service: Service, { path }: HealthSettings, signal: AbortSignal): TransportRequest {
  const { origin, basePath, host, headers, removeHeaders, tls, http2 } = service;
  return {
    method: "GET",
    origin,
    target: basePath + path,
    host: typeof host === "string" ? undefined : host.literal,
    headers: setHeaders([USER_AGENT], headers, removeHeaders),
    body: null,
    tls,
    http2,
    signal,
  };
}
