/** The thresholds of a report as text: query parameters and flags. */

import { suggest } from "../config/schema/describe.ts";
import { DEFAULT_THRESHOLDS } from "./make_report.ts";
import type { ReportThresholds } from "./report.ts";

/** The thresholds, or why there are none. */
export type ThresholdsReading =
  | { readonly ok: true; readonly thresholds: ReportThresholds }
  | { readonly ok: false; readonly problem: string };

/** The name of a threshold. */
export type ThresholdName = keyof ReportThresholds;

/** The names of the thresholds, which are those of the query parameters. */
export const THRESHOLD_NAMES: readonly ThresholdName[] = ["minRequests", "maxMismatch", "maxLatencyRatio", "maxErrors"];

const WHOLE_NUMBER = /^\d{1,15}$/;
const DECIMAL = /^(?:\d+(?:\.\d+)?|\.\d+)$/;
const PERCENTAGE = /^(\d+(?:\.\d+)?|\.\d+) ?%$/;

const NEEDS: Readonly<Record<ThresholdName, string>> = {
  minRequests: "a whole number",
  maxMismatch: 'a share from 0 to 1, or like "0.1%"',
  maxLatencyRatio: "a number such as 1.2",
  maxErrors: 'a share from 0 to 1, or like "0.1%"',
};

/**
 * Reads the thresholds of a request for a report.
 *
 * @param query The query parameters: `minRequests`, `maxMismatch`, `maxLatencyRatio`, `maxErrors`; no others.
 * @returns The thresholds, {@linkcode DEFAULT_THRESHOLDS} for those that are not there; or what is wrong.
 */
export function readReportQuery(query: URLSearchParams): ThresholdsReading {
  const texts = new Map<ThresholdName, string>();
  for (const [key, text] of query) {
    const name = THRESHOLD_NAMES.find((known) => known === key);
    if (name === undefined) {
      // A slip of the pen would else be a threshold that nobody looks at.
      const hint = suggest(key, THRESHOLD_NAMES) || `; parameters are ${THRESHOLD_NAMES.join(", ")}`;
      return { ok: false, problem: `Unknown parameter "${key}"${hint}` };
    }
    texts.set(name, text);
  }
  return readThresholds((name) => texts.get(name), (name) => name);
}

/**
 * Reads thresholds.
 *
 * @param textOf The text of a threshold; `undefined` where it was not given.
 * @param labelOf What a threshold is called in messages.
 * @returns The thresholds, or what is wrong with the first that is.
 */
export function readThresholds(
  textOf: (name: ThresholdName) => string | undefined,
  labelOf: (name: ThresholdName) => string,
): ThresholdsReading {
  const thresholds: { -readonly [K in ThresholdName]: number } = { ...DEFAULT_THRESHOLDS };
  for (const name of THRESHOLD_NAMES) {
    const text = textOf(name);
    if (text === undefined) continue;
    const value = readValue(name, text);
    if (value === undefined) {
      return { ok: false, problem: `Cannot use "${text}" as "${labelOf(name)}" must be ${NEEDS[name]}` };
    }
    thresholds[name] = value;
  }
  return { ok: true, thresholds };
}

function readValue(name: ThresholdName, text: string): number | undefined {
  if (name === "minRequests") return WHOLE_NUMBER.test(text) ? Number(text) : undefined;
  if (name === "maxLatencyRatio") return DECIMAL.test(text) ? Number(text) : undefined;
  const [, percent] = PERCENTAGE.exec(text) ?? [];
  const share = percent !== undefined ? Number(percent) / 100 : DECIMAL.test(text) ? Number(text) : NaN;
  return share <= 1 ? share : undefined;
}
