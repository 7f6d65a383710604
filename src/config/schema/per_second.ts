/** How often something may happen. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

const DECIMAL = /^\d+(?:\.\d+)?$/;
const MIN = 0.001;
const MAX = 1_000_000;

/**
 * A number of times per second, fractions allowed.
 *
 * @returns The type.
 */
export function perSecond(): ValueType<number> {
  return {
    label: `number per second, ${MIN} to ${MAX}`,
    schema: { type: ["number", "string"], minimum: MIN, maximum: MAX, pattern: orPlaceholder(DECIMAL.source) },
    parse(value, at) {
      const number = typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && number >= MIN && number <= MAX;
      return fits ? number : at.mismatch(`a number per second from ${MIN} to ${MAX}`, value);
    },
  };
}
