/** Shares of a whole: a number from 0 to 1, or a percentage. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)$/;
const PERCENTAGE = /^(\d+(?:\.\d+)?) ?%$/;

/**
 * A share.
 *
 * @returns The type; its values are numbers from 0 to 1.
 */
export function share(): ValueType<number> {
  return {
    label: "share, 0 to 1 or 0% to 100%",
    schema: {
      type: ["number", "string"],
      minimum: 0,
      maximum: 1,
      pattern: orPlaceholder(`${DECIMAL.source}|${PERCENTAGE.source}`),
    },
    parse(value, at) {
      const share = toNumber(value);
      return share !== undefined && share >= 0 && share <= 1
        ? share
        : at.mismatch('a share from 0 to 1, or like "10%"', value);
    },
  };
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  if (DECIMAL.test(value)) return Number(value);
  const [, percent] = PERCENTAGE.exec(value) ?? [];
  return percent === undefined ? undefined : Number(percent) / 100;
}
