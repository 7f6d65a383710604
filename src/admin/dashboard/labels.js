/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
import { FAILURE_LABELS, SKIP_LABELS } from "./outcomes.js";

/** What the page says about outcomes: short for a bar's end, and a sentence where there is room. */

/** @typedef {"ok" | "failed" | "given-up" | "skipped" | "pending"} AttemptState What became of an attempt, for its shape. */

/**
 * Says what became of an attempt.
 *
 * @param {AttemptRecord} attempt The attempt.
 * @returns {AttemptState} Its state.
 */
export function attemptState(attempt) {
  if (attempt.skipped !== undefined) return "skipped";
  if (attempt.failure === "aborted") return "given-up";
  if (attempt.success === undefined && attempt.failure === undefined) return "pending";
  return attempt.success === true ? "ok" : "failed";
}

/**
 * Says it in a word or two, for the end of a bar.
 *
 * @param {AttemptRecord} attempt The attempt.
 * @returns {string} A status, a kind of failure, or why it was not sent.
 */
export function attemptWord(attempt) {
  if (attempt.skipped !== undefined) return attempt.skipped;
  if (attempt.status !== undefined) return String(attempt.status);
  if (attempt.failure === "aborted") return "given up";
  return attempt.failure ?? "running";
}

/**
 * Says it in a sentence.
 *
 * @param {AttemptRecord} attempt The attempt.
 * @returns {string} A sentence without its subject and stop.
 */
export function attemptSentence(attempt) {
  if (attempt.skipped !== undefined) return `was not sent: ${SKIP_LABELS[attempt.skipped] ?? attempt.skipped}`;
  if (attempt.failure !== undefined) return `failed: ${FAILURE_LABELS[attempt.failure] ?? attempt.failure}`;
  if (attempt.status === undefined) return "has not answered yet";
  return `answered ${attempt.status}${attempt.success === false ? ", which counts as a failure" : ""}`;
}

/** @typedef {"primary" | "fallback" | "own" | "interrupted"} Outcome How an exchange ended for the client. */

/**
 * Says how an exchange ended for the client.
 *
 * @param {ExchangeRecord} exchange The exchange.
 * @returns {Outcome} Its outcome.
 */
export function exchangeOutcome(exchange) {
  if (exchange.interrupted !== undefined) return "interrupted";
  if (exchange.service === undefined) return "own";
  return exchange.fallback ? "fallback" : "primary";
}

/**
 * Says who answered.
 *
 * @param {ExchangeRecord} exchange The exchange.
 * @param {string} service The name of the service that answered, fit to be shown.
 * @returns {string} A few words.
 */
export function answeredBy(exchange, service) {
  switch (exchangeOutcome(exchange)) {
    case "interrupted":
      return `from ${service}, broken off`;
    case "own":
      return exchange.status === 499 ? "the client went away" : "from conductor itself";
    case "fallback":
      return `from ${service}, standing in`;
    case "primary":
      return `from ${service}`;
  }
}
