/** Decides on the verdict on a service, with a reason for each threshold that is not met. */

import { formatDuration, percent } from "../lib/text_format.ts";
import { countNotComparable, type NotComparableCounts } from "../observe/not_comparable.ts";
import type { ReportThresholds, ServiceReport, Verdict } from "./report.ts";

/** Maximum ratio of responses that are not comparable. Above it, a service is never ready. */
const MAX_NOT_COMPARABLE = 0.01;
/** Latency differences in milliseconds that are ignored, because clocks and networks are not more precise. */
const LATENCY_SLACK_MS = 1;

const SEVERITY: readonly Verdict[] = ["ready", "not-enough-traffic", "not-ready"];

/** Measured quantities of a service. */
export type Quantities = Pick<
  ServiceReport,
  "compared" | "notComparable" | "matchRate" | "errorRate" | "latencyMs"
>;

/** Ratios of the comparisons of a service. */
export interface Ratios {
  /** Comparisons with a mismatch. */
  readonly mismatch: number;
  /** Comparisons with a mismatch or an undecided field. */
  readonly suspected: number;
  /** Errors above the primary's. Negative if the primary has more. */
  readonly moreErrors: number;
}

/** Returns the verdict on a service, and the reasons for it. */
export function decide(
  { compared, notComparable, errorRate, latencyMs }: Quantities,
  { mismatch, suspected, moreErrors }: Ratios,
  thresholds: ReportThresholds,
): Pick<ServiceReport, "verdict" | "reasons"> {
  const { minRequests, maxMismatch, maxLatencyRatio, maxErrors } = thresholds;
  const missing: string[] = [];
  const faults: string[] = [];
  if (compared < minRequests) missing.push(`${compared} comparisons are fewer than the required ${minRequests}`);
  // Reasons of the request, such as preconditions, say nothing about the service.
  const skipped = countNotComparable(notComparable) - countNotComparable(notComparable, "request");
  const skippedRatio = ratioOf(skipped, compared + skipped);
  if (skippedRatio > MAX_NOT_COMPARABLE) {
    missing.push(
      `${percent(skippedRatio)} of the responses are not comparable (${formatReasons(notComparable)}), more than` +
        ` ${percent(MAX_NOT_COMPARABLE)}`,
    );
  }
  if (mismatch > maxMismatch) {
    faults.push(`${percent(mismatch)} of the comparisons are mismatches, more than ${percent(maxMismatch)}`);
  } else if (suspected > maxMismatch) {
    missing.push(
      `${percent(suspected)} of the comparisons differ in undecided fields: the primary was compared with itself too` +
        " rarely, or more than 256 fields of an endpoint differ",
    );
  }
  if (moreErrors > maxErrors) {
    faults.push(
      `${percent(errorRate.service)} of the responses are errors, more than ${percent(maxErrors)} above the` +
        ` primary's ${percent(errorRate.primary)}`,
    );
  }
  for (const name of ["p50", "p99"] as const) {
    const [service, primary] = [latencyMs.service[name], latencyMs.primary[name]];
    if (service <= primary * maxLatencyRatio || service - primary <= LATENCY_SLACK_MS) continue;
    faults.push(
      `${name} is ${formatDuration(service)}, more than ${maxLatencyRatio} times the primary's` +
        ` ${formatDuration(primary)}`,
    );
  }
  const isEnough = compared >= minRequests && compared > 0;
  const verdict = !isEnough ? "not-enough-traffic" : faults.length > 0 ? "not-ready" : "ready";
  return {
    verdict: verdict === "ready" && missing.length > 0 ? "not-enough-traffic" : verdict,
    reasons: compared === 0 && skippedRatio === 0 ? ["nothing was compared"] : [...missing, ...faults],
  };
}

/** Returns the worst verdict of all services. Without services, there is not enough traffic. */
export function worstVerdict(services: readonly ServiceReport[]): Verdict {
  if (services.length === 0) return "not-enough-traffic";
  return SEVERITY[Math.max(...services.map(({ verdict }) => SEVERITY.indexOf(verdict)))]!;
}

/** Formats counts by reason, the most frequent first: `costly 12, too-large 3`. */
export function formatReasons(counts: NotComparableCounts): string {
  const sorted = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `${reason} ${count}`).join(", ");
}

/** Returns `count / total`; 0 if there are no cases. */
export function ratioOf(count: number, total: number): number {
  return total === 0 ? 0 : count / total;
}
