/** Thresholds of a report, and their text form in query parameters and flags. */

import { suggest } from "../config/schema/describe.ts";
import type { ReportThresholds } from "./report.ts";

/** Default thresholds. */
export const DEFAULT_THRESHOLDS: ReportThresholds = {
  minRequests: 2_000,
  minComparable: 0.95,
  maxMismatch: 0.001,
  maxLatencyRatio: 1.2,
  maxErrors: 0.001,
};

/** Parsed thresholds, or a description of the first invalid one. */
export type ThresholdsResult =
  | {
    readonly ok: true;
    readonly thresholds: ReportThresholds;
    /** Start of the comparisons that count, in milliseconds since 1970; 0: all. */
    readonly sinceMs: number;
  }
  | { readonly ok: false; readonly problem: string };

/** Name of a threshold. */
export type ThresholdName = keyof ReportThresholds;

/** Names of the thresholds, which are also those of the query parameters. */
export const THRESHOLD_NAMES: readonly ThresholdName[] = [
  "minRequests",
  "minComparable",
  "maxMismatch",
  "maxLatencyRatio",
  "maxErrors",
];

const PARAMETERS: readonly string[] = [...THRESHOLD_NAMES, "since"];

const WHOLE_NUMBER = /^\d{1,15}$/;
const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)$/;
const PERCENTAGE = /^(\d+(?:\.\d+)?|\.\d+) ?%$/;

/** Requirements of the texts, for error messages. */
export const THRESHOLD_NEEDS: Readonly<Record<ThresholdName, string>> = {
  minRequests: "a whole number",
  minComparable: 'a ratio from 0 to 1, or a percentage such as "95%"',
  maxMismatch: 'a ratio from 0 to 1, or a percentage such as "0.1%"',
  maxLatencyRatio: "a number such as 1.2",
  maxErrors: 'a ratio from 0 to 1, or a percentage such as "0.1%"',
};

const DURATION = /^(\d{1,9})(s|m|h|d)$/;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Requirement of `since`, for error messages. */
export const SINCE_NEED = 'a time such as "10m", or an instant such as "2026-11-30T14:02:00Z"';

/** Parses a time such as `10m`. Returns milliseconds, or `undefined` for an invalid text. */
export function readDuration(text: string): number | undefined {
  const [, count, unit = ""] = DURATION.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNITS_MS[unit]!;
}

/** Parses the start of the comparisons that count. Returns milliseconds since 1970, or `undefined`. */
export function readSince(text: string, nowMs: number): number | undefined {
  const durationMs = readDuration(text);
  if (durationMs !== undefined) return nowMs - durationMs;
  const instantMs = INSTANT.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(instantMs) ? undefined : instantMs;
}

/** Parses the query parameters of a report. Absent thresholds have their defaults; unknown parameters are errors. */
export function readReportQuery(query: URLSearchParams, nowMs: number = Date.now()): ThresholdsResult {
  let sinceMs = 0;
  const texts = new Map<ThresholdName, string>();
  for (const [key, text] of query) {
    if (key === "since") {
      const since = readSince(text, nowMs);
      if (since === undefined) return { ok: false, problem: `"since" must be ${SINCE_NEED}: found "${text}"` };
      sinceMs = since;
      continue;
    }
    const name = THRESHOLD_NAMES.find((known) => known === key);
    if (name === undefined) {
      // A misspelt parameter would be a threshold without effect.
      const hint = suggest(key, PARAMETERS) || `; parameters are ${PARAMETERS.join(", ")}`;
      return { ok: false, problem: `Unknown parameter "${key}"${hint}` };
    }
    texts.set(name, text);
  }
  const thresholds: { -readonly [K in ThresholdName]: number } = { ...DEFAULT_THRESHOLDS };
  for (const [name, text] of texts) {
    const value = readThreshold(name, text);
    if (value === undefined) {
      return { ok: false, problem: `"${name}" must be ${THRESHOLD_NEEDS[name]}: found "${text}"` };
    }
    thresholds[name] = value;
  }
  return { ok: true, thresholds, sinceMs };
}

/** Reports whether a threshold is a ratio, which may be written as a percentage. */
export function isRatio(name: ThresholdName): boolean {
  return name !== "minRequests" && name !== "maxLatencyRatio";
}

/** Parses the text of a threshold. Returns `undefined` for an invalid one. */
export function readThreshold(name: ThresholdName, text: string): number | undefined {
  if (name === "minRequests") return WHOLE_NUMBER.test(text) ? Number(text) : undefined;
  if (name === "maxLatencyRatio") return DECIMAL.test(text) ? Number(text) : undefined;
  const [, percentage] = PERCENTAGE.exec(text) ?? [];
  const ratio = percentage !== undefined ? Number(percentage) / 100 : DECIMAL.test(text) ? Number(text) : NaN;
  return ratio <= 1 ? ratio : undefined;
}
