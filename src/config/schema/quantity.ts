/** Quantities: times, sizes, ratios, rates and other numbers, with or without a unit. */

import { orPlaceholder, type TypeAlias, type ValueType } from "./value_type.ts";

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

/** Longer times without a unit are probably meant as milliseconds. */
const MAX_SURE_SECONDS = 1_000;
/** Longer times are mistakes. Timers would overflow after 24 days. */
const MAX_TIME_MS = 86_400_000;

const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)$/;
const PERCENTAGE = /^(\d+(?:\.\d+)?) ?%$/;
const SCIENTIFIC = /^(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const RATE = /^\d+(?:\.\d+)?$/;
const MIN_RATE = 0.001;
const MAX_RATE = 1_000_000;
const PERCENTILE = /^[pP](\d{2}(?:\.\d{1,2})?)$/;
const MIN_PERCENTILE = 50;
const MAX_PERCENTILE = 99.9;
const PERCENTILE_RANGE = `a percentile from p${MIN_PERCENTILE} to p${MAX_PERCENTILE}`;

const TIME_INPUT: TypeAlias = {
  name: "TimeInput",
  type: 'number | `${number}` | `${number}${"" | " "}${"ms" | "s" | "m" | "h"}`',
  description: 'A time in seconds, or with a unit: `2`, `"50ms"`, `"2s"`, `"30m"`, `"1h"`.',
};
const SIZE_INPUT: TypeAlias = {
  name: "SizeInput",
  // All units end in "B". A union of them would not fit on a line.
  type: "number | `${number}` | `${number}${string}B`",
  description: 'A size in bytes, or with a unit: `65536`, `"64KiB"`, `"10MiB"`, `"1GB"`.',
};
const RATIO_INPUT: TypeAlias = {
  name: "RatioInput",
  type: 'number | `${number}` | `${number}${"" | " "}%`',
  description: 'A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`.',
};

/** Bounds of a size, as written in a configuration. */
export interface SizeBounds {
  readonly min: string;
  /** Default: the largest exact integer. */
  readonly max?: string;
}

/** Options of {@linkcode time}. */
export interface TimeOptions {
  /** Shortest time, as written in a configuration. */
  readonly min: string;
  /** Alternative to a time, for the error message. */
  readonly or?: string;
}

/** Delay before a hedged request: a fixed time, or a percentile of the observed latency. */
export type HedgeDelay =
  | { readonly kind: "time"; readonly delayMs: number }
  | { readonly kind: "percentile"; readonly quantile: number };

/** Returns the type of times up to 24 hours. Values are whole milliseconds. */
export function time({ min, or }: TimeOptions): ValueType<number> {
  const minMs = readQuantity(min, TIME, MS_PER_UNIT, "s")!;
  const need = `a time from ${min} to 24h, in seconds or like "50ms", "2s", "30m", "1h"${
    or === undefined ? "" : `, or ${or}`
  }`;
  return {
    label: `time, ${min} to 24h`,
    input: TIME_INPUT.name,
    alias: TIME_INPUT,
    notation: 'Seconds, or text with a unit: `"50ms"`, `"2s"`, `"30m"`, `"1h"`.',
    schema: {
      type: ["number", "string"],
      minimum: minMs / 1_000,
      maximum: MAX_TIME_MS / 1_000,
      pattern: orPlaceholder(TIME.source),
    },
    parse(value, at) {
      const ms = readQuantity(value, TIME, MS_PER_UNIT, "s");
      if (ms === undefined || ms < minMs || ms > MAX_TIME_MS) return at.mismatch(need, value);
      const hasUnit = typeof value === "string" && /[a-z]$/.test(value);
      if (!hasUnit && ms >= MAX_SURE_SECONDS * 1_000 && !at.isSecret) {
        at.warn(
          `${value} without a unit means ${inWords(ms)}: write "${value}s", or "${value}ms" for milliseconds`,
        );
      }
      return Math.round(ms);
    },
  };
}

/** Returns the type of sizes. Values are whole bytes. */
export function size({ min, max }: SizeBounds): ValueType<number> {
  const minBytes = readQuantity(min, SIZE, BYTES_PER_UNIT, "B")!;
  const maxBytes = max === undefined ? Number.MAX_SAFE_INTEGER : readQuantity(max, SIZE, BYTES_PER_UNIT, "B")!;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  const need = `a size ${range}, in bytes or like "64KiB", "10MiB", "1GB"`;
  return {
    label: max === undefined ? `size, from ${min}` : `size, ${min} to ${max}`,
    input: SIZE_INPUT.name,
    alias: SIZE_INPUT,
    notation: 'Bytes, or text with a unit: `"64KiB"`, `"10MiB"`, `"1GB"`.',
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

/** Returns the type of ratios. Values are numbers from 0 to 1. */
export function ratio(): ValueType<number> {
  return {
    label: "ratio, 0 to 1 or 0% to 100%",
    input: RATIO_INPUT.name,
    alias: RATIO_INPUT,
    notation: 'A ratio from 0 to 1, or a percentage: `0.1`, `"10%"`.',
    schema: {
      type: ["number", "string"],
      minimum: 0,
      maximum: 1,
      pattern: orPlaceholder(`${DECIMAL.source}|${PERCENTAGE.source}`),
    },
    parse(value, at) {
      const found = readRatio(value);
      const fits = found !== undefined && found >= 0 && found <= 1;
      return fits ? found : at.mismatch('a ratio from 0 to 1, or a percentage like "10%"', value);
    },
  };
}

/** Returns the type of numbers of at least 0. */
export function amount(): ValueType<number> {
  return {
    label: "number, from 0",
    input: "number | string",
    schema: { type: ["number", "string"], minimum: 0, pattern: orPlaceholder(SCIENTIFIC.source) },
    parse(value, at) {
      const number = typeof value === "string" && SCIENTIFIC.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && Number.isFinite(number) && number >= 0;
      return fits ? number : at.mismatch("a number of at least 0", value);
    },
  };
}

/** Returns the type of rates per second. */
export function perSecond(): ValueType<number> {
  return {
    label: `number per second, ${MIN_RATE} to ${MAX_RATE}`,
    input: "number | string",
    schema: { type: ["number", "string"], minimum: MIN_RATE, maximum: MAX_RATE, pattern: orPlaceholder(RATE.source) },
    parse(value, at) {
      const number = typeof value === "string" && RATE.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && number >= MIN_RATE && number <= MAX_RATE;
      return fits ? number : at.mismatch(`a number per second from ${MIN_RATE} to ${MAX_RATE}`, value);
    },
  };
}

/** Returns the type of the delay before a hedged request. */
export function hedgeDelay(): ValueType<HedgeDelay> {
  const fixed = time({ min: "1ms", or: `${PERCENTILE_RANGE} such as "p95"` });
  return {
    label: "time, 1ms to 24h, or `p50` to `p99.9`",
    input: `${TIME_INPUT.name} | \`p\${number}\` | \`P\${number}\``,
    alias: TIME_INPUT,
    notation: 'Seconds, or text with a unit: `"50ms"`; or a percentile from `"p50"` to `"p99.9"`.',
    schema: { anyOf: [fixed.schema, { type: "string", pattern: orPlaceholder(PERCENTILE.source) }] },
    parse(value, at) {
      const [, digits] = (typeof value === "string" && PERCENTILE.exec(value)) || [];
      if (digits === undefined) {
        const delayMs = fixed.parse(value, at);
        return delayMs === undefined ? undefined : { kind: "time", delayMs };
      }
      const percentile = Number(digits);
      if (percentile < MIN_PERCENTILE || percentile > MAX_PERCENTILE) return at.mismatch(PERCENTILE_RANGE, value);
      return { kind: "percentile", quantile: Math.round(percentile * 1_000) / 100_000 };
    },
  };
}

function inWords(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 1 ? `${Number((hours * 60).toFixed(1))} minutes` : `${Number(hours.toFixed(1))} hours`;
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

function readRatio(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  if (DECIMAL.test(value)) return Number(value);
  const [, percent] = PERCENTAGE.exec(value) ?? [];
  return percent === undefined ? undefined : Number(percent) / 100;
}
