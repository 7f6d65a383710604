/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */
import { printable } from "./format.js";
import { FAILURE_LABELS, NOT_SENT_KINDS, SKIP_LABELS } from "./outcomes.js";

/** Labels for the outcomes of attempts and exchanges: short ones for the timeline, and descriptions. */

/** @typedef {"succeeded" | "failed" | "aborted" | "skipped" | "pending"} AttemptState */

/**
 * Returns the state of an attempt, which sets the shape of its bar.
 *
 * @param {AttemptRecord} attempt
 * @returns {AttemptState}
 */
export function attemptState({ skipped, failure, success }) {
  if (skipped !== undefined || (failure !== undefined && NOT_SENT_KINDS.has(failure))) return "skipped";
  if (failure === "aborted") return "aborted";
  if (success === undefined && failure === undefined) return "pending";
  return success === true ? "succeeded" : "failed";
}

/**
 * Returns the status, the failure kind or the skip reason of an attempt.
 *
 * @param {AttemptRecord} attempt
 * @returns {string}
 */
export function attemptLabel({ skipped, status, failure }) {
  if (skipped !== undefined) return skipped;
  return status === undefined ? failure ?? "in flight" : String(status);
}

/**
 * Returns a description of the outcome of an attempt, without a full stop.
 *
 * @param {AttemptRecord} attempt
 * @returns {string}
 */
export function attemptDescription({ skipped, failure, status, success }) {
  if (skipped !== undefined) return `skipped: ${SKIP_LABELS[skipped] ?? skipped}`;
  if (failure !== undefined) {
    const outcome = NOT_SENT_KINDS.has(failure) ? "not sent" : failure === "aborted" ? "aborted" : "failed";
    return `${outcome}: ${FAILURE_LABELS[failure] ?? failure}`;
  }
  if (status === undefined) return "in flight";
  return `response ${status}${success === false ? ", which counts as a failure" : ""}`;
}

/**
 * Returns the cause of a failed attempt: conductor's advice, or the words of the platform; empty if there is none. For an
 * attempt that was not sent, the name of its outcome says everything.
 *
 * @param {Pick<AttemptRecord, "failure" | "cause" | "error">} attempt
 * @returns {string}
 */
export function attemptCause({ failure, cause, error }) {
  return failure !== undefined && NOT_SENT_KINDS.has(failure)
    ? ""
    : printable(cause === undefined ? error ?? "" : plain(cause));
}

/**
 * Returns the causes of the failed attempts of an exchange, each with its service.
 *
 * @param {ExchangeRecord} exchange
 * @returns {string[]}
 */
export function failureCauses({ attempts }) {
  return attempts.map((attempt) => [printable(attempt.service), attemptCause(attempt)]).filter(([, cause]) =>
    cause !== ""
  ).map((parts) => parts.join(": "));
}

/**
 * Returns a sentence of the documentation without its marks for code.
 *
 * @param {string} sentence
 * @returns {string}
 */
export function plain(sentence) {
  return sentence.replaceAll("`", "");
}

/** @typedef {"primary" | "fallback" | "local-reply" | "interrupted"} Outcome */

/**
 * Returns the outcome of an exchange for the client.
 *
 * @param {ExchangeRecord} exchange
 * @returns {Outcome}
 */
export function exchangeOutcome({ interrupted, service, fallback }) {
  if (interrupted !== undefined) return "interrupted";
  if (service === undefined) return "local-reply";
  return fallback ? "fallback" : "primary";
}

/**
 * Returns the source of the response, in a few words.
 *
 * @param {ExchangeRecord} exchange
 * @param {string} service Name of the selected service, printable.
 * @returns {string}
 */
export function responseSource(exchange, service) {
  switch (exchangeOutcome(exchange)) {
    case "interrupted":
      return `from ${service}, interrupted`;
    case "local-reply":
      return exchange.status === 499 ? "client disconnected" : "from conductor, a local reply";
    case "fallback":
      return `from ${service}, a fallback`;
    case "primary":
      return `from ${service}`;
  }
}
