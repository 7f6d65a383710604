/** Times and sizes: a number in the base unit, or a number with its unit. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

const TIME = /^(\d+(?:\.\d+)?) ?(ms|s|m|h)?$/;
const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE = /^(\d+(?:\.\d+)?) ?(B|[kKMG]B|[KMG]iB)?$/;
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Times end at a day: what takes longer is a mistake, and timers end at 24 days. */
const MAX_TIME_MS = 86_400_000;

/** The bounds of a quantity, and how messages write them. */
export interface Bounds {
  /** The smallest, as it would be written. */
  readonly min: string;
  /** The largest, as it would be written; absent: as large as numbers can be exact. */
  readonly max?: string;
}

/** What a time may be. */
export interface TimeOptions extends Pick<Bounds, "min"> {
  /** What else there may be in its place, for the message where it is neither. */
  readonly or?: string;
}

/**
 * A time: seconds as a number, or with a unit.
 *
 * @param options The shortest time; the longest is 24 hours.
 * @returns The type; its values are whole milliseconds.
 */
export function time({ min, or }: TimeOptions): ValueType<number> {
  const minMs = readQuantity(min, TIME, MS_PER_UNIT, "s")!;
  const need = `a time from ${min} to 24h, in seconds or like "50ms", "2s", "30m", "1h"${
    or === undefined ? "" : `, or ${or}`
  }`;
  return {
    label: `time, ${min} to 24h`,
    schema: {
      type: ["number", "string"],
      minimum: minMs / 1_000,
      maximum: MAX_TIME_MS / 1_000,
      pattern: orPlaceholder(TIME.source),
    },
    parse(value, at) {
      const ms = readQuantity(value, TIME, MS_PER_UNIT, "s");
      return ms !== undefined && ms >= minMs && ms <= MAX_TIME_MS ? Math.round(ms) : at.mismatch(need, value);
    },
  };
}

/**
 * A size: bytes as a number, or with a unit.
 *
 * @param bounds The smallest and the largest size.
 * @returns The type; its values are whole bytes.
 */
export function size({ min, max }: Bounds): ValueType<number> {
  const minBytes = readQuantity(min, SIZE, BYTES_PER_UNIT, "B")!;
  const maxBytes = max === undefined ? Number.MAX_SAFE_INTEGER : readQuantity(max, SIZE, BYTES_PER_UNIT, "B")!;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  const need = `a size ${range}, in bytes or like "64KiB", "10MiB", "1GB"`;
  return {
    label: max === undefined ? `size, from ${min}` : `size, ${min} to ${max}`,
    schema: {
      type: ["integer", "string"],
      minimum: minBytes,
      maximum: maxBytes,
      pattern: orPlaceholder(SIZE.source),
    },
    parse(value, at) {
      const bytes = typeof value === "number" && !Number.isInteger(value)
        ? undefined
        : readQuantity(value, SIZE, BYTES_PER_UNIT, "B");
      const fits = bytes !== undefined && bytes >= minBytes && bytes <= maxBytes;
      return fits ? Math.round(bytes) : at.mismatch(need, value);
    },
  };
}

function readQuantity(
  value: unknown,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  baseUnit: string,
): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value * units[baseUnit]! : undefined;
  const [, digits, unit = baseUnit] = (typeof value === "string" && pattern.exec(value)) || [];
  return digits === undefined ? undefined : Number(digits) * units[unit]!;
}
