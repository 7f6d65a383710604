/** Counts of one endpoint in bounded memory. */

import { detachString, textBytes } from "../lib/memory_budget.ts";
import { addNotComparable, type NotComparableCounts } from "../observe/not_comparable.ts";
import { collectivePath } from "./difference.ts";
import type { SameFormValues } from "./difference_traits.ts";
import type { MismatchSample, RequestSample } from "./report.ts";
import type { EndpointServiceStats, EndpointStats, RankedSample } from "./stats_snapshot.ts";

/** Maximum distinct paths of one endpoint. Further ones are counted under their {@linkcode collectivePath}. */
export const MAX_PATHS = 256;
/** Maximum length of a path. Longer ones are counted under their {@linkcode collectivePath}. */
const MAX_PATH_LENGTH = 256;
/** Maximum sets of differing fields for each service. Further combinations are counted by field alone. */
const MAX_SETS = 64;
/** Maximum samples of a field. */
const MAX_SAMPLES = 5;
/** Samples reserved for the first differences in a field. They show a regression as soon as it begins. */
const FIRST_SAMPLES = 2;
const RANK_OF_FIRST = -1;

// Estimated memory, checked against the heap: docs/decisions/019-the-verdict.md.
const SERVICE_BYTES = 1_536;
const PATH_BYTES = 256;
const FIELD_BYTES = 416;
const SET_BYTES = 320;
const BYTES_PER_SET_PATH = 24;
const SAMPLE_BYTES = 224;

/** Estimated memory of an endpoint in bytes, without its name: its maps and the collective paths. */
export const ENDPOINT_BYTES = 1_536;

/** A stored path. Its id stands for it in sets. */
interface Path {
  readonly text: string;
  readonly id: number;
}

interface Field {
  differing: number;
  samples: readonly RankedSample[];
}

interface SetCount {
  readonly paths: readonly string[];
  count: number;
}

interface ServiceCounts {
  compared: number;
  notComparable: NotComparableCounts;
  readonly fields: Map<string, Field>;
  readonly sets: Map<string, SetCount>;
  overflowCount: number;
  readonly overflowFields: Map<string, number>;
}

/** Memory that all endpoints share, in bytes. */
export interface MemoryAccounting {
  /** Reserves memory for counts; drops samples if too little is free. Returns `false`, and counts it, if that fails. */
  readonly reserve: (bytes: number) => boolean;
  /** Reserves memory for a sample. Returns `false`, and counts it, if too little is free. */
  readonly reserveForSample: (bytes: number) => boolean;
  /** Releases the memory of a sample. */
  readonly release: (bytes: number) => void;
}

/** Creates a sample. `path` is the path that differs, `key` the path under which it is counted. */
export type SampleMaker = (path: string, key: string) => MismatchSample;

/**
 * Stores the hashes of the values of a service at a path, and returns those of the previous comparison. `undefined` as
 * service: comparisons of the primary with itself.
 */
export type ValueExchange = (
  service: string | undefined,
  path: string,
  hashes: SameFormValues["hashes"],
) => SameFormValues["hashes"] | undefined;

/** Options of {@linkcode EndpointCounts.add}. */
export interface AddOptions {
  /** Number of comparisons. Default: 1. */
  readonly count?: number;
  /** Creates the samples. Called only for samples that are kept. Default: no samples. */
  readonly sample?: SampleMaker;
}

/** Counts of one endpoint. */
export class EndpointCounts {
  readonly #memory: MemoryAccounting;
  readonly #random: () => number;
  readonly #exchangeValues: ValueExchange;
  readonly #paths = new Map<string, Path>();
  #noiseCompared = 0;
  readonly #noiseFields = new Map<string, number>();
  readonly #services = new Map<string, ServiceCounts>();
  #samples = 0;

  /** Creates an endpoint without counts. `random` returns numbers from 0 up to 1, which select the samples. */
  constructor(memory: MemoryAccounting, random: () => number, exchangeValues: ValueExchange) {
    this.#memory = memory;
    this.#random = random;
    this.#exchangeValues = exchangeValues;
  }

  /** Counts comparisons of the primary with itself: their number, and the number that differ in each field. */
  addNoise(compared: number, fields: Iterable<readonly [path: string, differing: number]>): void {
    this.#noiseCompared += compared;
    const counts = new Map<string, number>();
    for (const [path, differing] of fields) {
      const { text: key } = this.#pathOf(path);
      // Several fields may share a key, but no comparison is counted twice under it.
      counts.set(key, Math.min(compared, (counts.get(key) ?? 0) + differing));
    }
    for (const [key, differing] of counts) this.#noiseFields.set(key, (this.#noiseFields.get(key) ?? 0) + differing);
  }

  /** Reserves the memory of a service. Returns `false` if too little is free. */
  admit(service: string): boolean {
    if (this.#services.has(service)) return true;
    if (!this.#memory.reserve(SERVICE_BYTES + textBytes(service))) return false;
    const [fields, sets, overflowFields] = [new Map(), new Map(), new Map()];
    const counts = { compared: 0, notComparable: {}, fields, sets, overflowCount: 0, overflowFields };
    this.#services.set(service, counts);
    return true;
  }

  /**
   * Reports whether only the value of an admitted service is that of the previous comparison. Responses of the primary
   * whose values repeat, such as times in seconds, therefore do not count.
   */
  isRepeated(name: string, path: string, values: SameFormValues): boolean {
    const before = this.#exchange(name, path, values);
    const { hashes, isRepeated } = values;
    return isRepeated || (before !== undefined && before[1] === hashes[1] && before[0] !== hashes[0]);
  }

  /** Reports whether a value of the primary is that of the previous comparison of the primary with itself. */
  isNoiseRepeated(path: string, values: SameFormValues): boolean {
    const before = this.#exchange(undefined, path, values);
    return values.isRepeated || (before !== undefined && values.hashes.some((hash) => before.includes(hash)));
  }

  /** Stores values, and returns the previous ones. Paths that are counted together have none. */
  #exchange(service: string | undefined, path: string, { hashes }: SameFormValues): ReturnType<ValueExchange> {
    const { text } = this.#pathOf(path);
    if (text !== path.toWellFormed() || isCollective(text)) return undefined;
    return this.#exchangeValues(service, text, hashes);
  }

  /** Counts comparisons of an admitted service that differ in the same paths. The paths have no duplicates. */
  add(name: string, paths: readonly string[], options: AddOptions = {}): void {
    const { count = 1, sample } = options;
    const service = this.#services.get(name)!;
    service.compared += count;
    if (paths.length === 0) return;
    const counted = new Set<Path>();
    for (const path of paths) {
      const stored = this.#fieldPathOf(service, path);
      if (counted.has(stored)) continue;
      counted.add(stored);
      const key = stored.text;
      const field = service.fields.get(key)!;
      field.differing += count;
      if (sample !== undefined) this.#addSample(field, () => sample(path, key));
    }
    this.#countSet(service, [...counted], count);
  }

  /** Counts pairs of responses of an admitted service that are not comparable. */
  addNotComparable(name: string, counts: NotComparableCounts): void {
    const service = this.#services.get(name)!;
    service.notComparable = addNotComparable(service.notComparable, counts);
  }

  /** Adds the counts of an admitted service from a snapshot. */
  merge(stats: EndpointServiceStats): void {
    const service = this.#services.get(stats.service)!;
    const { sets, overflow, fields, compared } = stats;
    service.compared += compared;
    service.notComparable = addNotComparable(service.notComparable, stats.notComparable);
    for (const { paths, count } of sets) {
      this.add(stats.service, paths, { count });
      service.compared -= count;
    }
    service.overflowCount += overflow.count;
    const added = new Map<string, number>();
    for (const [path, count] of overflow.fields) {
      const { text: key } = this.#fieldPathOf(service, path);
      added.set(key, Math.min(overflow.count, (added.get(key) ?? 0) + count));
    }
    for (const [key, count] of added) {
      service.overflowFields.set(key, (service.overflowFields.get(key) ?? 0) + count);
      service.fields.get(key)!.differing += count;
    }
    for (const { path, samples } of fields) {
      const field = service.fields.get(this.#fieldPathOf(service, path).text)!;
      for (const sample of samples) this.#addSample(field, () => sample, sample.rank);
    }
  }

  /** Drops all samples, and returns their number. */
  dropSamples(): number {
    const dropped = this.#samples;
    if (dropped === 0) return 0;
    for (const { fields } of this.#services.values()) {
      for (const field of fields.values()) {
        for (const sample of field.samples) this.#memory.release(sampleBytes(sample));
        field.samples = [];
      }
    }
    this.#samples = 0;
    return dropped;
  }

  /** Returns the counts as plain data. */
  snapshot(route: string, endpoint: string): EndpointStats {
    const services = [...this.#services].map((
      [service, { compared, notComparable, fields, sets, overflowCount, overflowFields }],
    ) => ({
      service,
      compared,
      notComparable,
      fields: [...fields].map(([path, { differing, samples }]) => ({ path, differing, samples })),
      sets: [...sets.values()].map(({ paths, count }) => ({ paths, count })),
      overflow: { count: overflowCount, fields: [...overflowFields] },
    }));
    return { route, endpoint, noise: { compared: this.#noiseCompared, fields: [...this.#noiseFields] }, services };
  }

  /** Returns the stored path, or the collective path if the limits do not allow storing it. */
  #pathOf(asFound: string): Path {
    // Detached strings have no lone surrogates, so a path that has some would never be found again.
    const path = asFound.toWellFormed();
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const collective = collectivePath(path);
    const isAboveLimit = this.#paths.size >= MAX_PATHS || path.length > MAX_PATH_LENGTH;
    if (path !== collective && (isAboveLimit || !this.#memory.reserve(PATH_BYTES + textBytes(path)))) {
      return this.#pathOf(collective);
    }
    const stored = { text: detachString(path, MAX_PATH_LENGTH), id: this.#paths.size };
    this.#paths.set(stored.text, stored);
    return stored;
  }

  /** Returns the path under which a field of a service is counted. The field exists afterwards. */
  #fieldPathOf({ fields }: ServiceCounts, path: string): Path {
    const stored = this.#pathOf(path);
    const collective = collectivePath(path);
    const hasRoom = fields.has(stored.text) || stored.text === collective || this.#memory.reserve(FIELD_BYTES);
    const counted = hasRoom ? stored : this.#pathOf(collective);
    if (!fields.has(counted.text)) fields.set(counted.text, { differing: 0, samples: [] });
    return counted;
  }

  #addSample(field: Field, create: () => MismatchSample, knownRank = -1): void {
    const rank = knownRank >= 0 ? knownRank : rankSample(field.samples, this.#random);
    if (rank === undefined) return;
    const sample = { ...create(), rank };
    if (!this.#memory.reserveForSample(sampleBytes(sample))) return;
    const before = field.samples;
    field.samples = [...before, sample].sort((a, b) => a.rank - b.rank).slice(0, MAX_SAMPLES);
    this.#samples += field.samples.length - before.length;
    for (const old of [...before, sample]) {
      if (!field.samples.includes(old)) this.#memory.release(sampleBytes(old));
    }
  }

  #countSet(service: ServiceCounts, counted: readonly Path[], count: number): void {
    const sorted = counted.toSorted((a, b) => a.id - b.id);
    const paths = sorted.map(({ text }) => text);
    const key = sorted.map(({ id }) => id).join();
    const set = service.sets.get(key);
    if (set !== undefined) {
      set.count += count;
      return;
    }
    const bytes = SET_BYTES + textBytes(key) + paths.length * BYTES_PER_SET_PATH;
    if (service.sets.size < MAX_SETS && this.#memory.reserve(bytes)) {
      service.sets.set(key, { paths, count });
      return;
    }
    service.overflowCount += count;
    for (const path of paths) service.overflowFields.set(path, (service.overflowFields.get(path) ?? 0) + count);
  }
}

/** Reports whether several fields are counted under this path. */
export function isCollective(path: string): boolean {
  return path.endsWith("…") && path === collectivePath(path);
}

/**
 * Returns the rank of a new sample; `undefined` if it would not be kept. The samples with the lowest ranks are kept, so
 * merging the samples of two workers still results in an unbiased selection.
 */
function rankSample(samples: readonly RankedSample[], random: () => number): number | undefined {
  const firsts = samples.filter(({ rank }) => rank === RANK_OF_FIRST).length;
  if (firsts < FIRST_SAMPLES) return RANK_OF_FIRST;
  const rank = random();
  return samples.length < MAX_SAMPLES || samples.some((sample) => sample.rank > rank) ? rank : undefined;
}

function sampleBytes(sample: RankedSample): number {
  const { requestId, method, path, expected, actual, expectedBody, actualBody } = sample;
  const texts = textBytes(requestId, method, path, expected, actual, expectedBody, actualBody);
  return SAMPLE_BYTES + texts + requestSampleBytes(sample.request);
}

function requestSampleBytes(sample: RequestSample | undefined): number {
  if (sample === undefined) return 0;
  let bytes = textBytes(sample.origin, sample.target, sample.body);
  for (const [name, value] of sample.headers) bytes += textBytes(name, value);
  return bytes;
}
