/** Creates the report from the statistics of all comparisons. */

import { percentilesOf } from "../lib/latency_counts.ts";
import { wilsonInterval } from "../lib/statistics.ts";
import { countNotComparable, type NotComparableReason } from "../observe/not_comparable.ts";
import { isCollective } from "./endpoint_counts.ts";
import { type DifferingCount, judgeFields, type Judgement } from "./judge_fields.ts";
import { MarkIndex, type NoiseMark } from "./noise_marks.ts";
import type { Mismatch, NotComparableEntry, Report, ReportThresholds, ServiceReport } from "./report.ts";
import { DEFAULT_THRESHOLDS } from "./report_thresholds.ts";
import {
  countDiffering,
  type EndpointServiceStats,
  type EndpointStats,
  type FieldStats,
  type RankedSample,
  type ResponseStats,
  type ServiceStats,
  type StatsSnapshot,
} from "./stats_snapshot.ts";
import { decide, ratioOf, worstVerdict } from "./verdict.ts";

/** Maximum fields in each list of the report. The fields with the highest rates come first. */
const MAX_LISTED_FIELDS = 500;
/**
 * Expected noise measurements above which an endpoint without any is one that never has them: POST, for example, is not
 * replayed. The expectation is based on the noise ratio of the route. By chance, there are none with probability e⁻⁵,
 * or 0.7 %.
 */
const EXPECTED_NOISE = 5;

/**
 * Creates the report.
 *
 * A comparison is a mismatch if it differs in a field that {@linkcode judgeFields} judges as a mismatch. This judgement
 * exists only now and changes over time, so comparisons were counted by the set of fields in which they differ.
 *
 * The count of mismatches is exact while 64 sets for each service and endpoint are enough. Beyond them, the report
 * takes the highest possible count, so that the match rate is never above the true one.
 */
export function makeReport(
  snapshot: StatsSnapshot,
  thresholds: ReportThresholds = DEFAULT_THRESHOLDS,
  marks: readonly NoiseMark[] = [],
): Report {
  const input = { snapshot, thresholds, marks: new MarkIndex(marks) };
  const judged = snapshot.services.map((totals) => judgeService(totals, input));
  const services = judged.map(({ report }) => report);
  const compared = services.reduce((sum, service) => sum + service.compared, 0);
  const mismatching = judged.reduce((sum, service) => sum + service.mismatching, 0);
  const fields = judged.flatMap((service) => service.fields);
  return {
    verdict: worstVerdict(services),
    compared,
    notComparable: services.reduce((sum, service) => sum + countNotComparable(service.notComparable), 0),
    matchRate: matchRateOf(mismatching, compared).value,
    services,
    mismatches: listFields(fields, "mismatch"),
    noise: listFields(fields, "noise").map(({ samples: _, ...field }) => field),
    undecided: listFields(fields, "undecided"),
    notComparableAt: listNotComparable(snapshot.endpoints),
    dropped: snapshot.dropped,
  };
}

interface ReportInput {
  readonly snapshot: StatsSnapshot;
  readonly thresholds: ReportThresholds;
  readonly marks: MarkIndex;
}

/** One service at one endpoint. */
interface EndpointRow {
  readonly endpoint: EndpointStats;
  readonly stats: EndpointServiceStats;
}

/** A field with its counts, before it is judged. */
interface CountedField extends Omit<Mismatch, "rate" | "noiseRate" | "samples"> {
  readonly samples: readonly RankedSample[];
  readonly noise: DifferingCount;
}

interface JudgedField {
  readonly judgement: Judgement;
  readonly field: Omit<Mismatch, "samples"> & Pick<CountedField, "samples">;
}

interface JudgedService {
  readonly report: ServiceReport;
  readonly mismatching: number;
  readonly fields: readonly JudgedField[];
}

function judgeService(totals: ServiceStats, { snapshot, thresholds, marks }: ReportInput): JudgedService {
  const { route, service, compared, notComparable } = totals;
  const endpoints = snapshot.endpoints.filter((endpoint) => endpoint.route === route);
  const rows = endpoints.flatMap((endpoint): EndpointRow[] => {
    const stats = endpoint.services.find((each) => each.service === service);
    return stats === undefined || stats.compared === 0 ? [] : [{ endpoint, stats }];
  });
  const noiseRatio = ratioOf(endpoints.reduce((sum, { noise }) => sum + noise.compared, 0), compared);
  const fields = judgeRows(rows, noiseRatio, marks);

  let [mismatching, suspected] = [0, 0];
  for (const { endpoint: { endpoint }, stats } of rows) {
    const judged = fields.get(endpoint)!;
    mismatching += countDiffering(stats, (path) => judged.get(path)?.judgement === "mismatch").most;
    suspected += countDiffering(stats, (path) => judged.get(path)?.judgement !== "noise").most;
  }
  const { errors: primaryErrors } = totals.primary;
  const { errors } = totals.responses;
  const quantities = {
    compared,
    notComparable,
    matchRate: matchRateOf(mismatching, compared),
    errorRate: { primary: ratioOf(primaryErrors, compared), service: ratioOf(errors, compared) },
    latencyMs: { primary: quantiles(totals.primary), service: quantiles(totals.responses) },
  };
  const ratios = {
    // Computed from counts, because differences of ratios have rounding errors: 1 - 0.99 is above 1 %.
    mismatch: ratioOf(mismatching, compared),
    suspected: ratioOf(suspected, compared),
    moreErrors: ratioOf(errors - primaryErrors, compared),
  };
  const { verdict, reasons } = decide(quantities, ratios, thresholds);
  return {
    report: { route, service, verdict, reasons, ...quantities },
    mismatching,
    fields: [...fields.values()].flatMap((judged) => [...judged.values()]),
  };
}

/** Judges all fields of a service together. Returns them by endpoint and path. Marked fields are noise. */
function judgeRows(
  rows: readonly EndpointRow[],
  noiseRatio: number,
  marks: MarkIndex,
): ReadonlyMap<string, ReadonlyMap<string, JudgedField>> {
  const fields: CountedField[] = [];
  const unmarked: CountedField[] = [];
  for (const row of rows) {
    const { endpoint: { route, endpoint }, stats: { service } } = row;
    const isMarked = marks.at({ route, endpoint, service });
    const counted = fieldsOf(row);
    fields.push(...counted);
    unmarked.push(...counted.filter(({ path }) => !isMarked(path)));
  }
  const judgements = judgeFields(
    unmarked.map(({ path, differing, compared, noise }) => ({
      service: { differing, compared },
      noise,
      hasNoise: noise.compared > 0 || (noiseRatio > 0 && compared * noiseRatio < EXPECTED_NOISE),
      isCollective: isCollective(path),
    })),
  );
  const judgementOf = new Map(unmarked.map((field, index) => [field, judgements[index]!]));
  const byEndpoint = new Map(rows.map(({ endpoint }) => [endpoint.endpoint, new Map<string, JudgedField>()]));
  for (const counted of fields) {
    const { noise, ...field } = counted;
    byEndpoint.get(field.endpoint)!.set(field.path, {
      judgement: judgementOf.get(counted) ?? "noise",
      field: {
        ...field,
        rate: ratioOf(field.differing, field.compared),
        noiseRate: ratioOf(noise.differing, noise.compared),
      },
    });
  }
  return byEndpoint;
}

/** Returns all fields that differ, including fields that differ only between responses of the primary. */
function fieldsOf({ endpoint: { route, endpoint, noise }, stats: { service, compared, fields } }: EndpointRow) {
  const noiseOf = new Map(noise.fields);
  const byPath = new Map<string, FieldStats>(noise.fields.map(([path]) => [path, { path, differing: 0, samples: [] }]));
  for (const field of fields) byPath.set(field.path, field);
  return [...byPath.values()].map(({ path, differing, samples }): CountedField => ({
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

function listFields(fields: readonly JudgedField[], judgement: Judgement): Mismatch[] {
  return fields
    .filter((field) => field.judgement === judgement)
    .map(({ field }) => field)
    .sort((a, b) => b.rate - a.rate || b.differing - a.differing)
    .slice(0, MAX_LISTED_FIELDS)
    .map(({ samples, ...field }) => ({ ...field, samples: samples.map(({ rank: _, ...sample }) => sample) }));
}

function listNotComparable(endpoints: readonly EndpointStats[]): NotComparableEntry[] {
  return endpoints
    .flatMap(({ route, endpoint, services }) =>
      services.flatMap(({ service, compared, notComparable }) => {
        const total = compared + countNotComparable(notComparable);
        const counts = Object.entries(notComparable) as [NotComparableReason, number][];
        return counts.map(([reason, count]) => ({
          route,
          endpoint,
          service,
          reason,
          count,
          rate: ratioOf(count, total),
        }));
      })
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_LISTED_FIELDS);
}

function matchRateOf(mismatching: number, compared: number): ServiceReport["matchRate"] {
  return wilsonInterval(compared - mismatching, compared);
}

function quantiles({ latency }: ResponseStats): ServiceReport["latencyMs"]["primary"] {
  const { p50Ms, p95Ms, p99Ms, maxMs } = percentilesOf(latency);
  return { p50: p50Ms ?? 0, p95: p95Ms ?? 0, p99: p99Ms ?? 0, max: maxMs ?? 0 };
}
