/** @import { FailureKind, SkipReason } from "../../upstream/attempt.ts" */
/** @import { AttemptRecord, ExchangeRecord } from "../../observe/exchange_record.ts" */

/** What the page says about outcomes: short for a bar's end, and a sentence where there is room. */

/** @type {Readonly<Record<FailureKind, string>>} */
const FAILURES = {
  "timeout": "did not answer in time",
  "refused": "refused the connection",
  "reset": "broke the connection off",
  "dns": "its name could not be resolved",
  "tls": "no secure connection could be made",
  "protocol": "its answer was not valid HTTP",
  "head-too-large": "its response had too many or too large header fields",
  "unsendable": "the request cannot be sent to it",
  "aborted": "given up, as nobody waited for it any more",
  "lagging": "cut off, as it read the body too slowly",
  "open-circuit": "not asked, as its breaker is open",
  "overloaded": "not asked, as too many requests are in flight to it",
};

/** @type {Readonly<Record<SkipReason, string>>} */
const SKIPS = {
  "sampled": "not in the sample",
  "method": "gets no copies of this method",
  "overloaded": "too many copies in flight",
  "rate": "above its rate",
  "lagging": "too slow for earlier copies",
  "open-circuit": "its breaker is open",
  "unhealthy": "does not answer its health checks",
  "body-too-large": "the body is too large for a copy",
  "hedge-budget": "no budget left for hedges",
};

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
  if (attempt.skipped !== undefined) return `was not sent: ${SKIPS[attempt.skipped] ?? attempt.skipped}`;
  if (attempt.failure !== undefined) return FAILURES[attempt.failure] ?? attempt.failure;
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
