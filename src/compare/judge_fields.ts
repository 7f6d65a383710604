/** Which fields differ more often than by themselves. */

import { significantBelow } from "../lib/false_discoveries.ts";
import { type Count, fisherTest } from "../lib/fisher_test.ts";

/**
 * Judgement of a field that differs: a `mismatch`; `noise`, which the baseline shows against itself; or `undecided`.
 * A field is undecided if too few comparisons exist to exclude noise, or if it stands for several fields.
 */
export type Judgement = "mismatch" | "noise" | "undecided";

/** How often one field of one endpoint differed. */
export interface FieldCounts {
  /** Comparisons of the service with the primary. */
  readonly service: Count;
  /** Comparisons of the primary with itself. */
  readonly noise: Count;
  /** Whether the primary is compared with itself there at all; where it is not, every difference counts. */
  readonly hasNoise: boolean;
  /** True if several fields are counted as this one: the noise of one must not excuse the fault of another. */
  readonly isCollective: boolean;
}

/** How probable any false alarm may be, of all fields of a service together. */
export const SIGNIFICANCE_LEVEL = 0.01;
/** Diffy's `threshold.relative`: how far the rates must be apart, as a share of their sum. */
export const RELATIVE_THRESHOLD = 0.2;
/** Diffy's `threshold.absolute`: how far the rates must be apart, 0.03 % of the comparisons. */
export const ABSOLUTE_THRESHOLD = 0.0003;

/**
 * Judges the fields of one service on one route together. Where the primary is not compared with itself, every difference
 * counts. Else a field is a mismatch where its rate is significantly above its noise (Fisher's exact test; all fields
 * together by Benjamini and Hochberg at {@linkcode SIGNIFICANCE_LEVEL}) and both of Diffy's thresholds are exceeded: with
 * enough comparisons the smallest distance is significant, and few are worth anybody's time.
 *
 * @param fields The fields that have differed in any comparison.
 * @returns A judgement for each field.
 * @see https://github.com/opendiffy/diffy
 */
export function judgeFields(fields: readonly FieldCounts[]): Judgement[] {
  const pValues = fields.map(({ service, noise }) => fisherTest(service, noise, SIGNIFICANCE_LEVEL));
  const threshold = significantBelow(pValues.filter((_, index) => fields[index]!.hasNoise), SIGNIFICANCE_LEVEL);
  return fields.map((field, index) => {
    if (!field.hasNoise) return "mismatch";
    if (pValues[index]! <= threshold && isFarFromNoise(field)) return "mismatch";
    const isUnexplained = field.noise.differing === 0 || field.isCollective;
    return field.service.differing > 0 && isUnexplained ? "undecided" : "noise";
  });
}

function isFarFromNoise({ service, noise }: FieldCounts): boolean {
  const rate = service.differing / service.compared;
  const noiseRate = noise.differing / noise.compared;
  return rate - noiseRate > ABSOLUTE_THRESHOLD && (rate - noiseRate) / (rate + noiseRate) > RELATIVE_THRESHOLD;
}
