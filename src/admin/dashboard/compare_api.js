/** @import { MismatchEntry } from "../../compare/mismatch_feed.ts" */
/** @import { NoiseMark } from "../../compare/noise_marks.ts" */
/** @import { Report } from "../../compare/report.ts" */

/** Requests to the comparison API. Each function rejects with an Error whose message is the reason. */

const TIMEOUT_MS = 10_000;

/**
 * @param {URLSearchParams} query Thresholds.
 * @returns {Promise<Report>}
 */
export async function fetchReport(query) {
  return await (await request(`api/report?${query}`)).json();
}

/**
 * Returns the mismatches with an id above `after`, the oldest first.
 *
 * @param {number} after
 * @returns {Promise<MismatchEntry[]>}
 */
export async function fetchMismatches(after) {
  const text = await (await request(`api/mismatches?after=${after}`)).text();
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Returns the configuration of all noise marks in YAML; empty without marks.
 *
 * @returns {Promise<string>}
 */
export async function fetchNoiseConfig() {
  return await (await request("api/noise")).text();
}

/**
 * Marks a field as noise, and returns the configuration of all noise marks in YAML.
 *
 * @param {NoiseMark} mark
 * @returns {Promise<string>}
 */
export async function markNoise(mark) {
  const headers = { "content-type": "application/json" };
  return await (await request("api/noise", { method: "POST", headers, body: JSON.stringify(mark) })).text();
}

/**
 * Removes a mark, and returns the configuration of the remaining marks in YAML.
 *
 * @param {NoiseMark} mark
 * @returns {Promise<string>}
 */
export async function unmarkNoise(mark) {
  const headers = { "content-type": "application/json" };
  return await (await request("api/noise", { method: "DELETE", headers, body: JSON.stringify(mark) })).text();
}

/** Starts counting comparisons again. */
export async function resetReport() {
  await request("api/report/reset", { method: "POST", headers: { "content-type": "application/json" } });
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 */
async function request(path, init = {}) {
  const response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.ok) return response;
  const text = await response.text();
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  throw new Error(isProblem ? JSON.parse(text).detail : `${response.status} ${text}`);
}
