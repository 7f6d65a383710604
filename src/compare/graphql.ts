/** GraphQL over HTTP: names of operations, and errors in responses with status 200. */

import type { ReceivedRequest } from "../http/received_request.ts";
import { isJsonObject, parseExactJson } from "../lib/exact_json.ts";
import type { CapturedOutcome } from "./captured_response.ts";

/** Matches paths of endpoints. They end in `graphql` by convention. */
const PATH = /(?:^|[/_-])graphql\/?$/i;
const NAME = /^[_A-Za-z]\w{0,63}$/;
/** Maximum characters of a document that are searched for its operation. */
const MAX_SEARCHED = 16_384;
/** Comments and strings, which may contain the words of an operation. */
const NO_SYNTAX = /#[^\n\r]*|"""(?:[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"/g;
const OPERATION = /\b(query|mutation|subscription)\b(?:\s+([_A-Za-z]\w*))?/g;
/** `errors` as JSON key. Most responses have none, and are not parsed. */
const ERRORS = new TextEncoder().encode('"errors"');
const UTF8 = new TextDecoder();

/** Reports whether requests with a path are GraphQL. */
export function isGraphqlPath(path: string): boolean {
  return PATH.test(path);
}

/**
 * Returns the name of a request's operation, such as `Query.orders`; `undefined` if the request is not GraphQL. Several
 * operations are a `Batch`.
 */
export function operationOf({ path, query }: ReceivedRequest, body: Uint8Array | undefined): string | undefined {
  if (!isGraphqlPath(path)) return undefined;
  if (body === undefined) {
    const parameters = new URLSearchParams(query);
    return nameOf(parameters.get("operationName"), parameters.get("query"));
  }
  const request = parseExactJson(UTF8.decode(body))?.value;
  if (Array.isArray(request)) return "Batch";
  return isJsonObject(request) ? nameOf(request.operationName, request.query) : undefined;
}

function nameOf(operationName: unknown, document: unknown): string | undefined {
  const wanted = typeof operationName === "string" && NAME.test(operationName) ? operationName : undefined;
  // A persisted query has no document.
  if (typeof document !== "string") return wanted;
  const text = document.slice(0, MAX_SEARCHED).replaceAll(NO_SYNTAX, " ");
  const operations = [...text.matchAll(OPERATION)].map(([, type = "", name]) => ({ type, name }));
  const found = operations.find(({ name }) => wanted === undefined || name === wanted);
  const type = found?.type ?? "query";
  const name = wanted ?? (found?.name !== undefined && NAME.test(found.name) ? found.name : undefined);
  return `${type[0]!.toUpperCase()}${type.slice(1)}${name === undefined ? "" : `.${name}`}`;
}

/** Marks a response whose body has `errors`. Such a response counts as an error, like one with status 500. */
export function withGraphqlErrors(outcome: CapturedOutcome): CapturedOutcome {
  if (!outcome.ok) return outcome;
  const { response } = outcome;
  const { body } = response;
  if (body === undefined || body.cut || !includes(body.bytes, ERRORS)) return outcome;
  const value = parseExactJson(UTF8.decode(body.bytes))?.value;
  const hasErrors = [value].flat().some((each) => isJsonObject(each) && isNotEmpty(each.errors));
  return hasErrors ? { ok: true, response: { ...response, hasErrors } } : outcome;
}

function isNotEmpty(errors: unknown): boolean {
  return Array.isArray(errors) && errors.length > 0;
}

function includes(bytes: Uint8Array, searched: Uint8Array): boolean {
  for (let at = bytes.indexOf(searched[0]!); at !== -1; at = bytes.indexOf(searched[0]!, at + 1)) {
    let length = 1;
    while (length < searched.length && bytes[at + length] === searched[length]) length++;
    if (length === searched.length) return true;
  }
  return false;
}
