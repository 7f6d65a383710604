/** Amounts: numbers that are not negative. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * A number of at least 0.
 *
 * @returns The type.
 */
export function amount(): ValueType<number> {
  return {
    label: "number, from 0",
    schema: { type: ["number", "string"], minimum: 0, pattern: orPlaceholder(DECIMAL.source) },
    parse(value, at) {
      const number = typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && Number.isFinite(number) && number >= 0;
      return fits ? number : at.mismatch("a number of at least 0", value);
    },
  };
}
