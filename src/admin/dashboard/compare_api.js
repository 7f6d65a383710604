/** @import { MismatchEntry } from "../../compare/mismatch_feed.ts" */
/** @import { NoiseMark } from "../../compare/noise_marks.ts" */
/** @import { Report } from "../../compare/report.ts" */

/** What the page asks conductor about comparisons. Each rejects with an Error that says why there is no answer. */

const TIMEOUT_MS = 10_000;

/**
 * Asks for the report.
 *
 * @param {URLSearchParams} query The thresholds.
 * @returns {Promise<Report>} The report.
 */
export async function askReport(query) {
  return await (await ask(`api/report?${query}`)).json();
}

/**
 * Asks for the mismatches since one.
 *
 * @param {number} after Its id; 0 for all that are kept.
 * @returns {Promise<MismatchEntry[]>} The mismatches, oldest first.
 */
export async function askMismatches(after) {
  const text = await (await ask(`api/mismatches?after=${after}`)).text();
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Asks for the lines that keep all marks.
 *
 * @returns {Promise<string>} The lines, in YAML; empty where there are none.
 */
export async function askNoise() {
  return await (await ask("api/noise")).text();
}

/**
 * Calls a field noise.
 *
 * @param {NoiseMark} mark The field.
 * @returns {Promise<string>} The lines that keep all marks, in YAML.
 */
export async function markNoise(mark) {
  const headers = { "content-type": "application/json" };
  return await (await ask("api/noise", { method: "POST", headers, body: JSON.stringify(mark) })).text();
}

/**
 * @param {string} path What is asked for.
 * @param {RequestInit} [init] How.
 */
async function ask(path, init = {}) {
  const response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.ok) return response;
  const text = await response.text();
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  throw new Error(isProblem ? JSON.parse(text).detail : `${response.status} ${text}`);
}
