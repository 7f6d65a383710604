/** How long a copy is held back. */

import type { HedgeDelay } from "../config.ts";
import { orPlaceholder, type ValueType } from "./value_type.ts";
import { time } from "./quantity.ts";

const PERCENTILE = /^[pP](\d{2}(?:\.\d{1,2})?)$/;
const MIN = 50;
const MAX = 99.9;
const RANGE = `a percentile from p${MIN} to p${MAX}`;

/**
 * A time, or a percentile of other times.
 *
 * @returns The type.
 */
export function hedgeDelay(): ValueType<HedgeDelay> {
  const fixed = time({ min: "1ms", or: `${RANGE} such as "p95"` });
  return {
    label: "time, 1ms to 24h, or `p50` to `p99.9`",
    schema: { anyOf: [fixed.schema, { type: "string", pattern: orPlaceholder(PERCENTILE.source) }] },
    parse(value, at) {
      const [, digits] = (typeof value === "string" && PERCENTILE.exec(value)) || [];
      if (digits === undefined) {
        const delayMs = fixed.parse(value, at);
        return delayMs === undefined ? undefined : { kind: "time", delayMs };
      }
      const percentile = Number(digits);
      if (percentile < MIN || percentile > MAX) return at.mismatch(RANGE, value);
      return { kind: "percentile", share: Math.round(percentile * 1_000) / 100_000 };
    },
  };
}
