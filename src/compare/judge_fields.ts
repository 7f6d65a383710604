/** Judges which differing fields are mismatches, and which are noise. */

import { falseDiscoveryThreshold, fisherTest, type Proportion } from "../lib/statistics.ts";

/**
 * Judgement of a field that differs: a `mismatch`; `noise`, which the primary shows against itself; or `undecided`. A
 * field is undecided if too few comparisons exist to exclude noise, or if it stands for several fields.
 */
export type Judgement = "mismatch" | "noise" | "undecided";

/** Comparisons in which a field differs. */
export interface DifferingCount {
  /** Comparisons with a difference in the field. */
  readonly differing: number;
  /** All comparisons. */
  readonly compared: number;
}

/** Counts of one field at one endpoint. */
export interface FieldCounts {
  /** Comparisons of the service with the primary. */
  readonly service: DifferingCount;
  /** Comparisons of the primary with itself. */
  readonly noise: DifferingCount;
  /** False if the primary is never compared with itself at this endpoint, as for POST. */
  readonly hasNoise: boolean;
  /** True if only times and identifiers of the same form differ. Without noise, they are neither right nor wrong. */
  readonly isSameForm: boolean;
  /** True if the candidate's value repeats, and the primary's does not. Repetition is evidence only if it is the rule. */
  readonly isRepetition: boolean;
  /** True if several fields are counted as this one. Then the noise of one must not excuse a fault in another. */
  readonly isCollective: boolean;
}

/** Maximum probability of any false alarm, over all fields of a service together. */
export const SIGNIFICANCE_LEVEL = 0.01;
/** Minimum difference of the rates as a ratio of their sum: Diffy's `threshold.relative`. */
export const RELATIVE_THRESHOLD = 0.2;
/** Minimum difference of the rates, 0.03 % of the comparisons: Diffy's `threshold.absolute`. */
export const ABSOLUTE_THRESHOLD = 0.0003;

/** Minimum rate of repeated values that are a mismatch. Below it, they may come from a cache, or be times. */
const MIN_REPETITION = 0.5;

/**
 * Maximum noise rate of a field that can be compared, 0 to 1. Above it, even a field that differs in every comparison
 * would not exceed {@linkcode RELATIVE_THRESHOLD}.
 */
export const MAX_COMPARABLE_NOISE: number = (1 - RELATIVE_THRESHOLD) / (1 + RELATIVE_THRESHOLD);

/**
 * Judges all fields of one service on one route together, because the significance of each depends on their number.
 *
 * A field is a mismatch if its rate is significantly above its noise, and exceeds both of Diffy's thresholds. The
 * significance comes from Fisher's exact test and the Benjamini–Hochberg procedure. The thresholds are needed because
 * any difference of the rates becomes significant with enough comparisons. Without noise measurements, each differing
 * field is a mismatch, unless only times and identifiers differ: then it is undecided.
 *
 * @see https://github.com/opendiffy/diffy
 */
export function judgeFields(fields: readonly FieldCounts[]): Judgement[] {
  const pValues = fields.map(({ service, noise }) =>
    fisherTest(proportionOf(service), proportionOf(noise), SIGNIFICANCE_LEVEL)
  );
  const threshold = falseDiscoveryThreshold(pValues.filter((_, index) => fields[index]!.hasNoise), SIGNIFICANCE_LEVEL);
  return fields.map((field, index) => {
    if (field.isRepetition && !isRepeating(field)) return "noise";
    if (!field.hasNoise) return field.isSameForm ? "undecided" : "mismatch";
    if (pValues[index]! <= threshold && exceedsThresholds(field)) return "mismatch";
    const isUnexplained = field.noise.differing === 0 || field.isCollective;
    return field.service.differing > 0 && isUnexplained ? "undecided" : "noise";
  });
}

function proportionOf({ differing, compared }: DifferingCount): Proportion {
  return { count: differing, total: compared };
}

/** Reports whether most values of the service repeat, and none of the primary does, as from a pool of instances. */
function isRepeating({ hasNoise, service, noise }: FieldCounts): boolean {
  return hasNoise && noise.differing === 0 && service.differing >= MIN_REPETITION * service.compared;
}

function exceedsThresholds({ service, noise }: FieldCounts): boolean {
  const rate = service.differing / service.compared;
  const noiseRate = noise.differing / noise.compared;
  return rate - noiseRate > ABSOLUTE_THRESHOLD && (rate - noiseRate) / (rate + noiseRate) > RELATIVE_THRESHOLD;
}
