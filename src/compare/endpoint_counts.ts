/** What is counted at one endpoint, within its bounds. */

import { MAX_SETS } from "./difference_sets.ts";
import { rankSample, withSample } from "./field_samples.ts";
import { textBytes } from "../lib/memory_budget.ts";
import { detachString } from "../lib/detach_string.ts";
import type { MismatchSample } from "./report.ts";
import type { EndpointServiceTally, EndpointTally, RankedSample } from "./tally_snapshot.ts";

/** Distinct paths of one endpoint; further ones are counted as {@linkcode otherPath}. */
export const MAX_PATHS = 256;
/** A longer path is counted as {@linkcode otherPath}. */
const MAX_PATH_LENGTH = 256;

// Estimates, checked against the heap: docs/decisions/019-the-verdict.md.
const SERVICE_BYTES = 1_536;
const PATH_BYTES = 160;
const FIELD_BYTES = 320;
const SET_BYTES = 320;
const BYTES_PER_SET_PATH = 24;
const SAMPLE_BYTES = 224;

/** Bytes that an endpoint takes beside its name: its maps, and the paths that there is always room for. */
export const ENDPOINT_BYTES = 1_536;

/** A path as it is kept: once, with a number that stands for it in sets. */
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

interface Service {
  compared: number;
  readonly fields: Map<string, Field>;
  readonly sets: Map<string, SetCount>;
  othersCount: number;
  readonly othersFields: Map<string, number>;
}

/** What the endpoints of a tally have in common. */
export interface MemoryAccounting {
  /** Takes memory for counts, from samples where there is none left; counts what it refuses. */
  readonly claim: (bytes: number) => boolean;
  /** Takes memory for a sample; counts what it refuses. */
  readonly claimForSample: (bytes: number) => boolean;
  /** Gives a sample's memory back. */
  readonly giveBack: (bytes: number) => void;
  /** Draws from 0 up to 1. */
  readonly random: () => number;
}

/** A sample without its rank: made only where it is kept. `path` is where it differed, `key` where that is counted. */
export type SampleMaker = (path: string, key: string) => MismatchSample;

/** What is counted, and how samples of it are made. */
export interface AddOptions {
  /**
   * How many comparisons.
   *
   * @default 1
   */
  readonly count?: number;
  /** Makes samples; without it, none are kept. */
  readonly sample?: SampleMaker;
}

/** One endpoint. */
export class EndpointCounts {
  readonly #means: MemoryAccounting;
  readonly #paths = new Map<string, Path>();
  #noiseCompared = 0;
  readonly #noiseFields = new Map<string, number>();
  readonly #services = new Map<string, Service>();
  #samples = 0;

  /**
   * Makes an endpoint without counts.
   *
   * @param means What it has in common with others.
   */
  constructor(means: MemoryAccounting) {
    this.#means = means;
  }

  /**
   * Counts comparisons of the primary with itself.
   *
   * @param compared How many.
   * @param fields How many of them differed in each field.
   */
  addNoise(compared: number, fields: Iterable<readonly [path: string, differing: number]>): void {
    this.#noiseCompared += compared;
    const counts = new Map<string, number>();
    for (const [path, differing] of fields) {
      const { text: key } = this.#pathOf(path);
      // Several fields may be counted as one; no comparison is counted twice.
      counts.set(key, Math.min(compared, (counts.get(key) ?? 0) + differing));
    }
    for (const [key, differing] of counts) this.#noiseFields.set(key, (this.#noiseFields.get(key) ?? 0) + differing);
  }

  /**
   * Makes sure that there is room for a service.
   *
   * @param service Its name.
   * @returns Whether there is.
   */
  admit(service: string): boolean {
    if (this.#services.has(service)) return true;
    if (!this.#means.claim(SERVICE_BYTES + textBytes(service))) return false;
    const [fields, sets, othersFields] = [new Map(), new Map(), new Map()];
    this.#services.set(service, { compared: 0, fields, sets, othersCount: 0, othersFields });
    return true;
  }

  /**
   * Counts comparisons of an admitted service that differed in the same places.
   *
   * @param name The service.
   * @param paths Where, each once.
   * @param options How many, and what makes samples of them.
   */
  add(name: string, paths: readonly string[], options: AddOptions = {}): void {
    const { count = 1, sample } = options;
    const service = this.#services.get(name)!;
    service.compared += count;
    if (paths.length === 0) return;
    const kept = new Set<Path>();
    for (const path of paths) {
      const known = this.#fieldPathOf(service, path);
      if (kept.has(known)) continue;
      kept.add(known);
      const key = known.text;
      const field = service.fields.get(key)!;
      field.differing += count;
      if (sample !== undefined) this.#keepSample(field, () => sample(path, key));
    }
    this.#countSet(service, [...kept], count);
  }

  /**
   * Counts what another tally has counted of an admitted service.
   *
   * @param counted What it has.
   */
  merge(counted: EndpointServiceTally): void {
    const service = this.#services.get(counted.service)!;
    const { sets, others, fields, compared } = counted;
    service.compared += compared;
    for (const { paths, count } of sets) {
      this.add(counted.service, paths, { count });
      service.compared -= count;
    }
    service.othersCount += others.count;
    const added = new Map<string, number>();
    for (const [path, count] of others.fields) {
      const { text: key } = this.#fieldPathOf(service, path);
      added.set(key, Math.min(others.count, (added.get(key) ?? 0) + count));
    }
    for (const [key, count] of added) {
      service.othersFields.set(key, (service.othersFields.get(key) ?? 0) + count);
      service.fields.get(key)!.differing += count;
    }
    for (const { path, samples } of fields) {
      const field = service.fields.get(this.#fieldPathOf(service, path).text)!;
      for (const sample of samples) this.#keepSample(field, () => sample, sample.rank);
    }
  }

  /**
   * Lets go of all samples.
   *
   * @returns How many there were.
   */
  dropSamples(): number {
    const dropped = this.#samples;
    if (dropped === 0) return 0;
    for (const { fields } of this.#services.values()) {
      for (const field of fields.values()) {
        for (const sample of field.samples) this.#means.giveBack(sampleBytes(sample));
        field.samples = [];
      }
    }
    this.#samples = 0;
    return dropped;
  }

  /**
   * Gives what was counted as plain data.
   *
   * @param route The route's pattern.
   * @param endpoint The endpoint.
   * @returns The counts.
   */
  snapshot(route: string, endpoint: string): EndpointTally {
    const services = [...this.#services].map(([service, { compared, fields, sets, othersCount, othersFields }]) => ({
      service,
      compared,
      fields: [...fields].map(([path, { differing, samples }]) => ({ path, differing, samples })),
      sets: [...sets.values()].map(({ paths, count }) => ({ paths, count })),
      others: { count: othersCount, fields: [...othersFields] },
    }));
    return { route, endpoint, noise: { compared: this.#noiseCompared, fields: [...this.#noiseFields] }, services };
  }

  /** The path itself where there is room, else what stands for it. */
  #pathOf(asFound: string): Path {
    // What is kept has no lone surrogates; one that had would never be found again.
    const path = asFound.toWellFormed();
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const other = otherPath(path);
    const isTooMuch = this.#paths.size >= MAX_PATHS || path.length > MAX_PATH_LENGTH;
    if (path !== other && (isTooMuch || !this.#means.claim(PATH_BYTES + textBytes(path)))) return this.#pathOf(other);
    const kept = { text: detachString(path, MAX_PATH_LENGTH), id: this.#paths.size };
    this.#paths.set(kept.text, kept);
    return kept;
  }

  #fieldPathOf({ fields }: Service, path: string): Path {
    const wanted = this.#pathOf(path);
    const other = otherPath(path);
    const hasRoom = fields.has(wanted.text) || wanted.text === other || this.#means.claim(FIELD_BYTES);
    const kept = hasRoom ? wanted : this.#pathOf(other);
    if (!fields.has(kept.text)) fields.set(kept.text, { differing: 0, samples: [] });
    return kept;
  }

  #keepSample(field: Field, make: () => MismatchSample, knownRank = -1): void {
    const rank = knownRank >= 0 ? knownRank : rankSample(field.samples, this.#means.random);
    if (rank === undefined) return;
    const sample = { ...make(), rank };
    if (!this.#means.claimForSample(sampleBytes(sample))) return;
    const before = field.samples;
    field.samples = withSample(before, sample);
    this.#samples += field.samples.length - before.length;
    for (const old of [...before, sample]) {
      if (!field.samples.includes(old)) this.#means.giveBack(sampleBytes(old));
    }
  }

  #countSet(service: Service, kept: readonly Path[], count: number): void {
    const sorted = kept.toSorted((a, b) => a.id - b.id);
    const paths = sorted.map(({ text }) => text);
    const key = sorted.map(({ id }) => id).join();
    const set = service.sets.get(key);
    if (set !== undefined) {
      set.count += count;
      return;
    }
    const bytes = SET_BYTES + textBytes(key) + paths.length * BYTES_PER_SET_PATH;
    if (service.sets.size < MAX_SETS && this.#means.claim(bytes)) {
      service.sets.set(key, { paths, count });
      return;
    }
    service.othersCount += count;
    for (const path of paths) service.othersFields.set(path, (service.othersFields.get(path) ?? 0) + count);
  }
}

/** Reports whether several fields are counted as this path. */
export function isCollective(path: string): boolean {
  return path.endsWith("…") && path === otherPath(path);
}

/** What a path is counted as where there is no room for it: one of a few, for which there always is. */
function otherPath(path: string): string {
  if (path.startsWith("$")) return "$.…";
  const [, area] = /^(header|form):/.exec(path) ?? [];
  if (area !== undefined) return `${area}:…`;
  return path === "status" || path === "outcome" ? path : "body";
}

function sampleBytes(sample: RankedSample): number {
  const { requestId, method, path, expected, actual, expectedBody, actualBody } = sample;
  return SAMPLE_BYTES + textBytes(requestId, method, path, expected, actual, expectedBody, actualBody);
}
