/** Creates the report from the statistics of all comparisons. */

import { percentilesOf } from "../lib/latency_counts.ts";
import { wilsonInterval } from "../lib/statistics.ts";
import { countNotComparable, type NotComparableReason } from "../observe/not_comparable.ts";
import { isRepetition, isSameForm, isSecondary, withoutTrait } from "./difference_traits.ts";
import { isCollective } from "./endpoint_counts.ts";
import { type DifferingCount, judgeFields, type Judgement, MAX_COMPARABLE_NOISE } from "./judge_fields.ts";
import { MarkIndex, type NoiseMark } from "./noise_marks.ts";
import type {
  Mismatch,
  NeverComparable,
  NoisyField,
  NotComparableEntry,
  OtherBuild,
  Report,
  ReportedMark,
  ReportThresholds,
  ServiceReport,
} from "./report.ts";
import { DEFAULT_THRESHOLDS } from "./report_thresholds.ts";
import {
  countDiffering,
  type EndpointServiceStats,
  type EndpointStats,
  type FieldStats,
  type RankedSample,
  type ResponseStats,
  type ServiceStats,
  splitTallyKey,
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
  const judged = buildsOf(snapshot.services).map(([newest, ...older]) => judgeBuilds(newest, older, input));
  const services = judged.map(({ report }) => report);
  const compared = services.reduce((sum, service) => sum + service.compared, 0);
  const mismatching = judged.reduce((sum, service) => sum + service.mismatching, 0);
  const undecidedCount = services.reduce((sum, service) => sum + service.undecidedCount, 0);
  const fields = judged.flatMap((service) => service.fields);
  const shown = withoutRepetitions(fields);
  const keys = new Set(judged.map(({ key }) => key));
  return {
    verdict: worstVerdict(services),
    sinceMs: snapshot.sinceMs,
    compared,
    notComparable: services.reduce((sum, service) => sum + countNotComparable(service.notComparable), 0),
    undecidedCount,
    matchRate: matchRateOf(mismatching, compared - undecidedCount).value,
    services,
    mismatches: listFields(shown, "mismatch"),
    noise: listNoise(shown),
    neverComparable: listNeverComparable(judged),
    marks: listMarks(marks, fields),
    undecided: listFields(shown, "undecided"),
    notComparableAt: listNotComparable(snapshot.endpoints, keys),
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
  /** True if a regression in the field cannot be detected. */
  readonly isNeverComparable: boolean;
  readonly mark: NoiseMark | undefined;
  readonly field: Omit<Mismatch, "samples"> & Pick<CountedField, "samples">;
}

interface JudgedService {
  /** Name under which the service is counted. */
  readonly key: string;
  readonly report: ServiceReport;
  readonly mismatching: number;
  readonly fields: readonly JudgedField[];
}

type Builds = readonly [newest: ServiceStats, ...older: ServiceStats[]];

/** Groups the services by name, with the newest build of each first: it appeared last. */
function buildsOf(services: readonly ServiceStats[]): Builds[] {
  const groups = new Map<string, [ServiceStats, ...ServiceStats[]]>();
  for (const stats of services) {
    const key = JSON.stringify([stats.route, splitTallyKey(stats.service).service]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [stats]);
    else group.push(stats);
  }
  for (const group of groups.values()) {
    group.sort((a, b) => Number(isCounted(b)) - Number(isCounted(a)) || b.sinceMs - a.sinceMs);
  }
  return [...groups.values()];
}

function isCounted({ compared, unavailable, notComparable }: ServiceStats): boolean {
  return compared > 0 || unavailable.requests > 0 || countNotComparable(notComparable) > 0;
}

function judgeBuilds(newest: ServiceStats, older: readonly ServiceStats[], input: ReportInput): JudgedService {
  const judged = judgeService(newest, input);
  const otherBuilds = older.filter(isCounted).map((totals): OtherBuild => ({
    build: splitTallyKey(totals.service).build ?? "",
    sinceMs: totals.sinceMs,
    compared: totals.compared,
    verdict: judgeService(totals, input).report.verdict,
  }));
  return { ...judged, report: { ...judged.report, otherBuilds } };
}

function judgeService(totals: ServiceStats, { snapshot, thresholds, marks }: ReportInput): JudgedService {
  const { route, service: key, sinceMs, compared, notComparable } = totals;
  const { service, build } = splitTallyKey(key);
  const endpoints = snapshot.endpoints.filter((endpoint) => endpoint.route === route);
  const rows = endpoints.flatMap((endpoint): EndpointRow[] => {
    const stats = endpoint.services.find((each) => each.service === key);
    return stats === undefined || stats.compared === 0 ? [] : [{ endpoint, stats }];
  });
  const noiseRatio = ratioOf(endpoints.reduce((sum, { noise }) => sum + noise.compared, 0), compared);
  const fields = judgeRows(rows, { service, noiseRatio, marks });

  let [mismatching, suspected, neverComparable] = [0, 0, 0];
  for (const { endpoint: { endpoint }, stats } of rows) {
    const judged = fields.get(endpoint)!;
    mismatching += countDiffering(stats, (path) => judged.get(path)?.judgement === "mismatch").most;
    suspected += countDiffering(stats, (path) => judged.get(path)?.judgement !== "noise").most;
    neverComparable += countDiffering(stats, (path) => judged.get(path)?.isNeverComparable === true).most;
  }
  const undecidedCount = suspected - mismatching;
  const decision = decide(totals, { mismatching, suspected, neverComparable }, thresholds);
  return {
    key,
    report: {
      route,
      service,
      ...(build !== undefined && { build }),
      otherBuilds: [],
      sinceMs,
      compared,
      notComparable,
      sampled: sampledRatio(totals),
      unavailable: totals.unavailable.requests,
      undecidedCount,
      matchRate: matchRateOf(mismatching, compared - undecidedCount),
      latencyMs: { primary: quantiles(totals.primary), service: quantiles(totals.responses) },
      ...decision,
    },
    mismatching,
    fields: [...fields.values()].flatMap((judged) => [...judged.values()]),
  };
}

function sampledRatio({ compared, notComparable }: ServiceStats): number {
  const sampled = compared + countNotComparable(notComparable);
  return sampled === 0 ? 1 : ratioOf(sampled, sampled + countNotComparable(notComparable, "sample"));
}

interface RowContext {
  readonly service: string;
  readonly noiseRatio: number;
  readonly marks: MarkIndex;
}

/** Judges all fields of a service together. Returns them by endpoint and path. Marked fields are noise. */
function judgeRows(
  rows: readonly EndpointRow[],
  { service, noiseRatio, marks }: RowContext,
): ReadonlyMap<string, ReadonlyMap<string, JudgedField>> {
  const fields: (readonly [field: CountedField, mark: NoiseMark | undefined])[] = [];
  for (const row of rows) {
    const { endpoint: { route, endpoint } } = row;
    const markOf = marks.at({ route, endpoint, service });
    fields.push(...fieldsOf(row, service).map((field) => [field, markOf(field.path)] as const));
  }
  const unmarked = fields.filter(([, mark]) => mark === undefined).map(([field]) => field);
  const judgements = judgeFields(
    unmarked.map(({ path, differing, compared, noise }) => ({
      service: { differing, compared },
      noise,
      hasNoise: noise.compared > 0 || (noiseRatio > 0 && compared * noiseRatio < EXPECTED_NOISE),
      isSameForm: isSameForm(path),
      isRepetition: isRepetition(path),
      isCollective: isCollective(path),
    })),
  );
  const judgementOf = new Map(unmarked.map((field, index) => [field, judgements[index]!]));
  const byEndpoint = new Map(rows.map(({ endpoint }) => [endpoint.endpoint, new Map<string, JudgedField>()]));
  for (const [counted, mark] of fields) {
    const { noise, ...field } = counted;
    const judgement = judgementOf.get(counted) ?? "noise";
    const noiseRate = ratioOf(noise.differing, noise.compared);
    byEndpoint.get(field.endpoint)!.set(field.path, {
      judgement,
      isNeverComparable: judgement === "noise" && mark === undefined && noiseRate > MAX_COMPARABLE_NOISE &&
        !isSameForm(field.path) && !isSecondary(field.path),
      mark,
      field: { ...field, ...plainPathOf(field.path), rate: ratioOf(field.differing, field.compared), noiseRate },
    });
  }
  return byEndpoint;
}

/** Returns all fields that differ, including fields that differ only between responses of the primary. */
function fieldsOf(
  { endpoint: { route, endpoint, noise }, stats: { compared, fields } }: EndpointRow,
  service: string,
): CountedField[] {
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

function plainPathOf(path: string): Pick<Mismatch, "plainPath"> {
  const plainPath = withoutTrait(path);
  return plainPath === path ? {} : { plainPath };
}

/** Returns all fields except fields that are counted under another path as well, with the same judgement. */
function withoutRepetitions(fields: readonly JudgedField[]): readonly JudgedField[] {
  const keyOf = ({ judgement, field: { route, endpoint, service, path } }: JudgedField) =>
    JSON.stringify([route, endpoint, service, withoutTrait(path), judgement]);
  if (!fields.some(({ field }) => isSecondary(field.path))) return fields;
  const plain = new Set(fields.filter(({ field }) => !isSecondary(field.path)).map(keyOf));
  return fields.filter((judged) => !isSecondary(judged.field.path) || !plain.has(keyOf(judged)));
}

function listNoise(fields: readonly JudgedField[]): NoisyField[] {
  const marked = fields.filter(({ mark }) => mark !== undefined);
  const marks = new Map(marked.map(({ field: { route, endpoint, service, path }, mark }) => [
    JSON.stringify([route, endpoint, service, path]),
    mark?.timeMs,
  ]));
  return listFields(fields, "noise").map(({ samples: _, ...field }) => {
    const markedMs = marks.get(JSON.stringify([field.route, field.endpoint, field.service, field.path]));
    return { ...field, ...(markedMs !== undefined && { markedMs }) };
  });
}

function listNeverComparable(services: readonly JudgedService[]): NeverComparable[] {
  return services
    .flatMap(({ report, fields }) =>
      fields.filter(({ isNeverComparable }) => isNeverComparable).map(({ field }) => {
        const { route, endpoint, service, path, noiseRate, differing } = field;
        return { route, endpoint, service, path, noiseRate, differing, share: ratioOf(differing, report.compared) };
      })
    )
    .sort((a, b) => b.share - a.share)
    .slice(0, MAX_LISTED_FIELDS);
}

function listMarks(marks: readonly NoiseMark[], fields: readonly JudgedField[]): ReportedMark[] {
  const differing = new Map<NoiseMark, number>();
  for (const { mark, field } of fields) {
    if (mark !== undefined) differing.set(mark, (differing.get(mark) ?? 0) + field.differing);
  }
  return marks.map((mark) => ({ ...mark, differing: differing.get(mark) ?? 0 }));
}

function listNotComparable(endpoints: readonly EndpointStats[], keys: ReadonlySet<string>): NotComparableEntry[] {
  return endpoints
    .flatMap(({ route, endpoint, services }) =>
      services.filter((stats) => keys.has(stats.service)).flatMap(({ service: key, compared, notComparable }) => {
        const { service } = splitTallyKey(key);
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
