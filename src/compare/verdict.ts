/** Decides on the verdict on a service, with a reason for each threshold that is not met. */

import { countAbove, quantileOf } from "../lib/latency_counts.ts";
import { fisherTest } from "../lib/statistics.ts";
import { formatDuration, percent } from "../lib/text_format.ts";
import { countNotComparable, type NotComparableCounts } from "../observe/not_comparable.ts";
import { SIGNIFICANCE_LEVEL } from "./judge_fields.ts";
import type { ReportThresholds, ServiceReport, Verdict } from "./report.ts";
import type { ServiceStats } from "./stats_snapshot.ts";

/** Latency differences in milliseconds that are ignored, because clocks and networks are not more precise. */
const LATENCY_SLACK_MS = 1;
/** Quantiles of the latency that are compared. */
const COMPARED_QUANTILES = { p50: 0.5, p99: 0.99 } as const;

const SEVERITY: readonly Verdict[] = ["ready", "not-enough-traffic", "not-ready"];

/** Results of the judgement on the fields of a service, as numbers of comparisons. */
export interface JudgedCounts {
  /** Comparisons with a mismatch. */
  readonly mismatching: number;
  /** Comparisons with a mismatch or an undecided field. */
  readonly suspected: number;
  /** Comparisons in which a field differs that can never be compared, because it always differs. */
  readonly neverComparable: number;
}

/** Part of a verdict. */
export interface Decision extends Pick<ServiceReport, "verdict" | "reasons" | "comparable" | "errorRate"> {}

/** Errors of a service and of the primary in the same requests. */
interface ErrorCounts {
  readonly requests: number;
  readonly service: number;
  readonly primary: number;
}

/** Sentences of a verdict. */
interface Reasons {
  /** Requirements that more traffic, or another configuration, may meet. */
  readonly missing: string[];
  readonly faults: string[];
}

/** Returns the verdict on a service, and the reasons for it. */
export function decide(totals: ServiceStats, judged: JudgedCounts, thresholds: ReportThresholds): Decision {
  const { compared, unavailable, unfinished } = totals;
  const { minRequests, maxErrors } = thresholds;
  const requests = compared + unavailable.requests;
  const errors: ErrorCounts = {
    requests: requests + unfinished.requests,
    service: totals.responses.errors + unavailable.requests + unfinished.errors,
    primary: totals.primary.errors + unavailable.primaryErrors + unfinished.primaryErrors,
  };
  const reasons: Reasons = { missing: [], faults: [] };
  if (requests < minRequests) {
    reasons.missing.push(`${formatCount(requests)} of ${formatCount(minRequests)} required comparisons`);
  }
  const comparable = comparableRatio(totals, judged);
  checkComparable(reasons, { totals, judged, comparable, thresholds });
  checkMismatches(reasons, { judged, compared, thresholds });
  const isFailing = checkErrors(reasons, { errors, unavailable: unavailable.requests, maxErrors });
  checkLatency(reasons, totals, thresholds);

  const { missing, faults } = reasons;
  // A service that fails is not ready, however few requests it gets: its breaker may keep all others away.
  const isNotReady = isFailing || (requests >= minRequests && faults.length > 0);
  const isNothing = requests === 0;
  return {
    verdict: isNotReady
      ? "not-ready"
      : isNothing || missing.length > 0 || faults.length > 0
      ? "not-enough-traffic"
      : "ready",
    reasons: isNothing && countNotComparable(totals.notComparable) === 0
      ? ["nothing was compared"]
      : [...faults, ...missing],
    comparable,
    errorRate: { primary: ratioOf(errors.primary, errors.requests), service: ratioOf(errors.service, errors.requests) },
  };
}

/**
 * Returns the ratio of the pairs of responses that were comparable. Reasons that depend only on the request are left
 * out: otherwise, a service with many conditional requests could never be ready. If the primary fails, the pair shows
 * nothing about the service: two services that are down have equal responses.
 */
function comparableRatio(
  { compared, notComparable, primary }: ServiceStats,
  { neverComparable }: JudgedCounts,
): number {
  const total = compared + countNotComparable(notComparable, "response") + countNotComparable(notComparable, "limit");
  return total === 0 ? 1 : Math.max(0, compared - neverComparable - primary.errors) / total;
}

function checkComparable(
  { missing }: Reasons,
  {
    totals: { compared, notComparable, primary },
    judged: { neverComparable },
    comparable,
    thresholds: { minComparable },
  }: {
    readonly totals: ServiceStats;
    readonly judged: JudgedCounts;
    readonly comparable: number;
    readonly thresholds: ReportThresholds;
  },
): void {
  if (comparable >= minComparable) return;
  const counts = [
    ...(primary.errors > 0 ? [`the primary failed in ${percent(ratioOf(primary.errors, compared))}`] : []),
    ...(neverComparable > 0 ? [`always different in ${percent(ratioOf(neverComparable, compared))}`] : []),
    ...(countNotComparable(notComparable) > 0 ? [formatReasons(notComparable)] : []),
  ];
  missing.push(
    `not comparable: ${percent(1 - comparable)} (limit ${percent(1 - minComparable)}; ${counts.join(", ")})`,
  );
}

function checkMismatches(
  { missing, faults }: Reasons,
  { judged: { mismatching, suspected }, compared, thresholds: { maxMismatch } }: {
    readonly judged: JudgedCounts;
    readonly compared: number;
    readonly thresholds: ReportThresholds;
  },
): void {
  // Computed from counts, because differences of ratios have rounding errors: 1 - 0.99 is above 1 %.
  const [mismatchRatio, suspectedRatio] = [ratioOf(mismatching, compared), ratioOf(suspected, compared)];
  if (mismatchRatio > maxMismatch) {
    faults.push(`${percent(mismatchRatio)} of the comparisons are mismatches (limit ${percent(maxMismatch)})`);
  } else if (suspectedRatio > maxMismatch) {
    missing.push(
      `${percent(suspectedRatio)} of the comparisons differ in undecided fields (limit ${percent(maxMismatch)}): the` +
        " primary was compared with itself too rarely (POST: never), or more than 256 fields of an endpoint differ",
    );
  }
}

/** Checks the errors. Returns `true` if the service certainly fails more often than the primary. */
function checkErrors(
  { missing, faults }: Reasons,
  { errors: { requests, service, primary }, unavailable, maxErrors }: {
    readonly errors: ErrorCounts;
    readonly unavailable: number;
    readonly maxErrors: number;
  },
): boolean {
  if (ratioOf(service - primary, requests) <= maxErrors) return false;
  const limit = `limit ${percent(maxErrors)} above the primary's ${percent(ratioOf(primary, requests))}`;
  const unsent = unavailable === 0
    ? ""
    : `; ${formatCount(unavailable)} of ${formatCount(requests)} were not sent to it, because of its breaker or health`;
  const text = `${percent(ratioOf(service, requests))} of its responses failed (${limit}${unsent})`;
  const p = fisherTest({ count: service, total: requests }, { count: primary, total: requests }, SIGNIFICANCE_LEVEL);
  const isCertain = p <= SIGNIFICANCE_LEVEL;
  (isCertain ? faults : missing).push(isCertain ? text : `${text}, which may be chance`);
  return isCertain;
}

/**
 * Checks that no quantile of the latency is significantly above the limit. The time to the end of the body counts too,
 * because a candidate may be slow after a fast head. It does not replace the time to the head: a slow client makes the
 * primary's body slow, and would hide a slow head of the candidate.
 */
function checkLatency({ missing, faults }: Reasons, stats: ServiceStats, thresholds: ReportThresholds): void {
  for (const name of ["p50", "p99"] as const) {
    const found = (["latency", "total"] as const).flatMap((kind) => latencyFault(name, kind, stats, thresholds) ?? []);
    const certain = found.find(({ isCertain }) => isCertain);
    if (certain !== undefined) faults.push(certain.text);
    else if (found.length > 0) missing.push(found[0]!.text);
  }
}

/** Returns the reason if a quantile is above the limit. */
function latencyFault(
  name: keyof typeof COMPARED_QUANTILES,
  kind: "latency" | "total",
  { primary: { [kind]: primary }, responses: { [kind]: responses } }: ServiceStats,
  { maxLatencyRatio }: ReportThresholds,
): { readonly text: string; readonly isCertain: boolean } | undefined {
  const ratio = COMPARED_QUANTILES[name];
  const [service = 0, baseline = 0] = [quantileOf(responses, ratio), quantileOf(primary, ratio)];
  const limitMs = baseline * maxLatencyRatio;
  if (service <= limitMs || service - baseline <= LATENCY_SLACK_MS) return undefined;
  const extent = kind === "total" ? " to the end of the body" : "";
  const text = `${name}${extent} ${formatDuration(service)} vs ${formatDuration(baseline)} (limit ${maxLatencyRatio}×)`;
  const total = sum(responses.counts);
  const baselineTotal = sum(primary.counts);
  const above = countAbove(responses, limitMs);
  const baselineAbove = Math.max(countAbove(primary, baseline), Math.ceil(baselineTotal * (1 - ratio)));
  const p = fisherTest({ count: above, total }, { count: baselineAbove, total: baselineTotal }, SIGNIFICANCE_LEVEL);
  const isCertain = p <= SIGNIFICANCE_LEVEL;
  return { text: isCertain ? text : `${text}, which may be chance`, isCertain };
}

/** Returns the worst verdict of all services. Without services, there is not enough traffic. */
export function worstVerdict(services: readonly ServiceReport[]): Verdict {
  if (services.length === 0) return "not-enough-traffic";
  return SEVERITY[Math.max(...services.map(({ verdict }) => SEVERITY.indexOf(verdict)))]!;
}

/** Formats counts by reason, the most frequent first: `costly 12, too-large 3`. */
export function formatReasons(counts: NotComparableCounts): string {
  const sorted = Object.entries(counts).filter(([reason]) => reason !== "no-time").toSorted(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `${reason} ${formatCount(count)}`).join(", ");
}

/** Formats a count with separators: `12,430`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Formats a count with its noun: `1 comparison`, `12,430 comparisons`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns `count / total`; 0 if there are no cases. */
export function ratioOf(count: number, total: number): number {
  return total === 0 ? 0 : count / total;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
