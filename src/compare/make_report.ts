/** From what was counted to a verdict on each service. */

import { formatDuration } from "../lib/duration.ts";
import { countDiffering } from "./difference_sets.ts";
import { isCollective } from "./endpoint_counts.ts";
import { judgeFields, type Judgement } from "./judge_fields.ts";
import { LATENCY_BUCKETS } from "../lib/histogram.ts";
import { MarkIndex, type NoiseMark } from "./noise_marks.ts";
import { percent } from "../lib/percent.ts";
import type { Mismatch, Report, ReportThresholds, ServiceReport, Verdict } from "./report.ts";
import type {
  EndpointServiceTally,
  EndpointTally,
  FieldTally,
  RankedSample,
  ResponsesTally,
  ServiceTally,
  TallySnapshot,
} from "./tally_snapshot.ts";
import { wilsonInterval } from "../lib/wilson_interval.ts";

/** What a service must do to be ready, where nothing else is asked for. */
export const DEFAULT_THRESHOLDS: ReportThresholds = {
  minRequests: 1_000,
  maxMismatch: 0.001,
  maxLatencyRatio: 1.2,
  maxErrors: 0.001,
};

/** Maximum ratio of responses that are not comparable. Above it, a service is never ready. */
export const MAX_NOT_COMPARABLE = 0.01;
/** The longest that a list of fields gets; those with the highest rates come first. */
export const MAX_LISTED_FIELDS = 500;
/** What is slower by less is not held against a service: neither clocks nor networks are finer, in milliseconds. */
const LATENCY_SLACK_MS = 1;
/**
 * An endpoint where the primary was never compared with itself, though by the rest of its route that should have happened
 * this often, is one where it never is: POST, for one, is not sent again. The probability of chance is e⁻⁵, or 0.7 %.
 */
const EXPECTED_NOISE = 5;

const SEVERITY: readonly Verdict[] = ["ready", "not-enough-traffic", "not-ready"];

/**
 * Makes the report.
 *
 * A comparison is a mismatch where one of its differences is at a field that {@linkcode judgeFields} calls so. Which those
 * are is known only now, and changes; so comparisons are counted by the set of fields in which they differ. There are sets
 * for 64 combinations at each endpoint of each service. As long as they suffice the count is exact; where they did not,
 * each comparison without a set is taken for a mismatch in as many fields as possible on its own, so that the match rate is
 * never above the true one.
 *
 * @param snapshot What was counted.
 * @param thresholds What a service must do.
 * @param marks The fields that a person has called noise.
 * @returns The report.
 */
export function makeReport(
  snapshot: TallySnapshot,
  thresholds: ReportThresholds = DEFAULT_THRESHOLDS,
  marks: readonly NoiseMark[] = [],
): Report {
  const index = new MarkIndex(marks);
  const judged = snapshot.services.map((totals) => judgeService(totals, { snapshot, thresholds, marks: index }));
  const services = judged.map(({ report }) => report);
  const compared = services.reduce((sum, service) => sum + service.compared, 0);
  const mismatching = judged.reduce((sum, service) => sum + service.mismatching, 0);
  const fields = judged.flatMap((service) => service.fields);
  return {
    verdict: overall(services),
    compared,
    notComparable: services.reduce((sum, service) => sum + countOf(service.notComparable), 0),
    matchRate: matchShare(mismatching, compared).value,
    services,
    mismatches: listed(fields, "mismatch"),
    noise: listed(fields, "noise").map(({ samples: _, ...field }) => field),
    undecided: listed(fields, "undecided"),
    dropped: snapshot.dropped,
  };
}

interface Facts {
  readonly snapshot: TallySnapshot;
  readonly thresholds: ReportThresholds;
  readonly marks: MarkIndex;
}

interface JudgedField {
  readonly judgement: Judgement;
  readonly field: Omit<Mismatch, "samples"> & Pick<Candidate, "samples">;
}

interface JudgedService {
  readonly report: ServiceReport;
  readonly mismatching: number;
  readonly fields: readonly JudgedField[];
}

interface Place {
  readonly endpoint: EndpointTally;
  readonly counts: EndpointServiceTally;
}

function judgeService(totals: ServiceTally, { snapshot, thresholds, marks }: Facts): JudgedService {
  const { route, service, compared, notComparable } = totals;
  const endpoints = snapshot.endpoints.filter((endpoint) => endpoint.route === route);
  const places = endpoints.flatMap((endpoint): Place[] => {
    const counts = endpoint.services.find((candidate) => candidate.service === service);
    return counts === undefined || counts.compared === 0 ? [] : [{ endpoint, counts }];
  });
  const noiseShare = shareOf(endpoints.reduce((sum, { noise }) => sum + noise.compared, 0), compared);
  const fields = judgePlaces(places, { noiseShare, marks });

  let [mismatching, suspect] = [0, 0];
  for (const { endpoint: { endpoint }, counts } of places) {
    const judgements = fields.get(endpoint)!;
    const isMismatch = (path: string) => judgements.get(path)?.judgement === "mismatch";
    const isSuspect = (path: string) => judgements.get(path)?.judgement !== "noise";
    mismatching += countDiffering(counts, isMismatch).most;
    suspect += countDiffering(counts, isSuspect).most;
  }
  const quantities = {
    compared,
    notComparable,
    matchRate: matchShare(mismatching, compared),
    errorRate: { primary: shareOf(totals.primary.errors, compared), service: shareOf(totals.answers.errors, compared) },
    latencyMs: { primary: quantiles(totals.primary), service: quantiles(totals.answers) },
  };
  const { verdict, reasons } = decide(quantities, {
    thresholds,
    // Shares of counts, as differences of shares are off by a rounding: 1 - 0.99 is above 1 %.
    mismatch: shareOf(mismatching, compared),
    suspected: shareOf(suspect, compared),
    moreErrors: shareOf(totals.answers.errors - totals.primary.errors, compared),
  });
  return {
    report: { route, service, verdict, reasons, ...quantities },
    mismatching,
    fields: [...fields.values()].flatMap((judgements) => [...judgements.values()]),
  };
}

/** Judges all fields of a service together, and gives them by endpoint and path. */
function judgePlaces(
  places: readonly Place[],
  { noiseShare, marks }: { readonly noiseShare: number; readonly marks: MarkIndex },
): ReadonlyMap<string, ReadonlyMap<string, JudgedField>> {
  const candidates: Candidate[] = [];
  const unmarked: Candidate[] = [];
  for (const place of places) {
    const { endpoint: { route, endpoint }, counts: { service } } = place;
    const isMarked = marks.at({ route, endpoint, service });
    const fields = fieldsOf(place);
    candidates.push(...fields);
    unmarked.push(...fields.filter(({ path }) => !isMarked(path)));
  }
  const judgements = judgeFields(
    unmarked.map(({ path, differing, compared, noise }) => ({
      service: { differing, compared },
      noise,
      hasNoise: noise.compared > 0 || (noiseShare > 0 && compared * noiseShare < EXPECTED_NOISE),
      isCollective: isCollective(path),
    })),
  );
  const judgementOf = new Map(unmarked.map((field, index) => [field, judgements[index]!]));
  const byEndpoint = new Map(places.map(({ endpoint }) => [endpoint.endpoint, new Map<string, JudgedField>()]));
  for (const candidate of candidates) {
    const { noise, ...field } = candidate;
    byEndpoint.get(field.endpoint)!.set(field.path, {
      judgement: judgementOf.get(candidate) ?? "noise",
      field: {
        ...field,
        rate: shareOf(field.differing, field.compared),
        noiseRate: shareOf(noise.differing, noise.compared),
      },
    });
  }
  return byEndpoint;
}

interface Candidate extends Omit<Mismatch, "rate" | "noiseRate" | "samples"> {
  readonly samples: readonly RankedSample[];
  readonly noise: { readonly differing: number; readonly compared: number };
}

/** Every field that differed, if only when the primary was compared with itself. */
function fieldsOf({ endpoint: { route, endpoint, noise }, counts: { service, compared, fields } }: Place): Candidate[] {
  const noiseOf = new Map(noise.fields);
  const byPath = new Map<string, FieldTally>(noise.fields.map(([path]) => [path, { path, differing: 0, samples: [] }]));
  for (const field of fields) byPath.set(field.path, field);
  return [...byPath.values()].map(({ path, differing, samples }) => ({
    route,
    endpoint,
    service,
    path,
    differing,
    compared,
    noise: { differing: noiseOf.get(path) ?? 0, compared: noise.compared },
    samples,
  }));
}

interface Shares {
  readonly thresholds: ReportThresholds;
  /** Of the answers that differ. */
  readonly mismatch: number;
  /** Of those that do, or might. */
  readonly suspected: number;
  /** How far the share of errors is above the primary's. */
  readonly moreErrors: number;
}

type Quantities = Pick<ServiceReport, "compared" | "notComparable" | "matchRate" | "errorRate" | "latencyMs">;

function decide(
  { compared, notComparable, errorRate, latencyMs }: Quantities,
  { thresholds, mismatch, suspected, moreErrors }: Shares,
): Pick<ServiceReport, "verdict" | "reasons"> {
  const { minRequests, maxMismatch, maxLatencyRatio, maxErrors } = thresholds;
  const missing: string[] = [];
  const faults: string[] = [];
  if (compared < minRequests) missing.push(`${compared} comparisons are fewer than the ${minRequests} that are needed`);
  const notMade = shareOf(countOf(notComparable), compared + countOf(notComparable));
  if (notMade > MAX_NOT_COMPARABLE) {
    missing.push(
      `${percent(notMade)} of the responses are not comparable (${reasonsText(notComparable)}), more than` +
        ` ${percent(MAX_NOT_COMPARABLE)}`,
    );
  }
  if (mismatch > maxMismatch) {
    faults.push(`${percent(mismatch)} of the answers differ, more than ${percent(maxMismatch)}`);
  } else if (suspected > maxMismatch) {
    missing.push(
      `${percent(suspected)} of the answers differ in fields of which it is not known whether they differ by` +
        " themselves: the primary was compared with itself too seldom, or more than 256 fields of an endpoint differ",
    );
  }
  if (moreErrors > maxErrors) {
    faults.push(
      `${percent(errorRate.service)} of the answers are errors, of the primary ${percent(errorRate.primary)}: that is` +
        ` more than ${percent(maxErrors)} above it`,
    );
  }
  for (const name of ["p50", "p99"] as const) {
    const [service, primary] = [latencyMs.service[name], latencyMs.primary[name]];
    if (service <= primary * maxLatencyRatio || service - primary <= LATENCY_SLACK_MS) continue;
    faults.push(
      `${name} is ${formatDuration(service)}, of the primary ${formatDuration(primary)}: that is more than` +
        ` ${maxLatencyRatio} times as long`,
    );
  }
  const isEnough = compared >= minRequests && compared > 0;
  const verdict = !isEnough ? "not-enough-traffic" : faults.length > 0 ? "not-ready" : "ready";
  return {
    verdict: verdict === "ready" && missing.length > 0 ? "not-enough-traffic" : verdict,
    reasons: compared === 0 && notMade === 0 ? ["nothing was compared"] : [...missing, ...faults],
  };
}

function overall(services: readonly ServiceReport[]): Verdict {
  if (services.length === 0) return "not-enough-traffic";
  return SEVERITY[Math.max(...services.map(({ verdict }) => SEVERITY.indexOf(verdict)))]!;
}

function listed(fields: readonly JudgedField[], judgement: Judgement): Mismatch[] {
  return fields
    .filter((field) => field.judgement === judgement)
    .map(({ field }) => field)
    .sort((a, b) => b.rate - a.rate || b.differing - a.differing)
    .slice(0, MAX_LISTED_FIELDS)
    .map(({ samples, ...field }) => ({ ...field, samples: samples.map(({ rank: _, ...sample }) => sample) }));
}

function matchShare(mismatching: number, compared: number): ServiceReport["matchRate"] {
  return wilsonInterval(compared - mismatching, compared);
}

function quantiles({ latency }: ResponsesTally): ServiceReport["latencyMs"]["primary"] {
  return {
    p50: LATENCY_BUCKETS.quantile(latency, 0.5) ?? 0,
    p95: LATENCY_BUCKETS.quantile(latency, 0.95) ?? 0,
    p99: LATENCY_BUCKETS.quantile(latency, 0.99) ?? 0,
  };
}

type NotComparableCounts = ServiceReport["notComparable"];

function countOf(counts: NotComparableCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Writes counts by reason, the most frequent first: `costly 12, too-large 3`. */
export function reasonsText(counts: NotComparableCounts): string {
  const sorted = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `${reason} ${count}`).join(", ");
}

function shareOf(count: number, of: number): number {
  return of === 0 ? 0 : count / of;
}
