/** Status codes that count as a failure: `5xx`, `429`, `500-503`. */

import type { StatusRange } from "../config.ts";
import { orPlaceholder, type ValueType } from "./value_type.ts";

const CLASS = /^([2-5])xx$/i;
const RANGE = /^([2-5]\d\d)(?:-([2-5]\d\d))?$/;
const NEED = 'a status code from 200 to 599, a range or a class, like 429, "500-503" or "5xx"';

/**
 * Status codes: one, a range of them, or a class.
 *
 * @returns The type.
 */
export function statuses(): ValueType<StatusRange> {
  return {
    label: "status codes",
    schema: {
      type: ["integer", "string"],
      minimum: 200,
      maximum: 599,
      pattern: orPlaceholder("^[2-5](?:[xX]{2}|\\d\\d(?:-[2-5]\\d\\d)?)$"),
    },
    parse(value, at) {
      const text = typeof value === "number" ? String(value) : value;
      if (typeof text !== "string") return at.mismatch(NEED, value);
      const [, digit] = CLASS.exec(text) ?? [];
      if (digit !== undefined) return { from: Number(digit) * 100, to: Number(digit) * 100 + 99 };
      const [, from, to = from] = RANGE.exec(text) ?? [];
      if (from === undefined) return at.mismatch(NEED, value);
      return Number(from) <= Number(to)
        ? { from: Number(from), to: Number(to) }
        : at.mismatch(`a range from low to high`, value);
    },
  };
}
