/** One health check: a GET to the service, judged by its status. */

import type { HealthSettings, Service } from "../config/config.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import { drainBody } from "../upstream/response_body.ts";
import { untraced } from "../observe/telemetry.ts";
import { formatDuration } from "../lib/text_format.ts";
import { requestOfOurs } from "../upstream/request_of_ours.ts";
import { errorWords, type Transport } from "../upstream/transport.ts";

/** Result of a check. */
export interface CheckResult {
  /** True if the response has an expected status. */
  readonly isExpected: boolean;
  /** Status of the response. Absent: no response in time. */
  readonly status?: number;
  /** Reason for the missing response. */
  readonly failure?: FailureKind;
  /** Words of the platform about the failure. */
  readonly error?: string | undefined;
}

/** Dependencies of {@linkcode checkHealth}. */
export interface HealthCheckOptions {
  /** Sends the check. */
  readonly transport: Transport;
  /** Aborts the check. */
  readonly signal: AbortSignal;
}

const HEADERS = [["user-agent", "conductor-health"]] as const;
/** The timeout covers the whole check, so a slowly dripping body must not extend it. */
const NO_DEADLINE = { refresh: () => {}, stop: () => {} };

/** Checks a service. The body must arrive within the timeout too, up to the drain limit. Does not reject. */
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
    const result = await untraced(() =>
      transport(requestOfOurs(service, { path: health.path, headers: HEADERS, signal: ending.signal }))
    );
    if (result.ok && result.response.body instanceof ReadableStream) {
      await drainBody(result.response.body, { deadline: NO_DEADLINE, cancellation: ending.signal });
    }
    if (ending.signal.aborted) {
      return { isExpected: false, failure: "timeout", error: `no response within ${formatDuration(health.timeoutMs)}` };
    }
    if (!result.ok) return { isExpected: false, failure: result.kind, error: result.error };
    const { status } = result.response;
    return { isExpected: health.expect.some(({ from, to }) => status >= from && status <= to), status };
  } catch (error) {
    // Transports must not reject, but a custom one may.
    return { isExpected: false, failure: "protocol", error: errorWords(error) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
