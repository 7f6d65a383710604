/** Comparison of two bodies: by their bytes first, then by their format. */

import { type ParsedJson, parseExactJson, parseJsonDocuments } from "../lib/exact_json.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import { getHeader } from "../http/headers.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import {
  type BodyType,
  bodyTypeOf,
  type CapturedBody,
  type CapturedOutcome,
  type CapturedResponse,
  contentLength,
  decodeText,
  type ResponseFormat,
  sizeOf,
} from "./captured_response.ts";
import { compareForms } from "./compare_forms.ts";
import { compareJson, compareLeaves } from "./compare_json.ts";
import { compareMarkup } from "./compare_markup.ts";
import { compareTexts } from "./compare_texts.ts";
import { codingsOf } from "./decode_body.ts";
import type { ComparisonContext, DifferenceList } from "./difference.ts";
import { differingLeaves } from "./lockstep_json.ts";

/** Bytes compared per step. */
const BYTES_PER_STEP = 32;
/** Bytes decoded as UTF-8 per step. */
const DECODED_PER_STEP = 4;
/** Bytes decoded from another character set per step. */
const LEGACY_DECODED_PER_STEP = 1;

/**
 * Finds the differences between two bodies. Returns the reason why the bodies are not comparable; `undefined` if they
 * were compared.
 */
export function compareBodies(
  expectedResponse: CapturedResponse,
  actualResponse: CapturedResponse,
  context: ComparisonContext,
): NotComparableReason | undefined {
  const { rules, differences, steps } = context;
  if (rules.ignoresBody) return;
  const expected = bodyOf(expectedResponse);
  const actual = bodyOf(actualResponse);
  if (expected === undefined && actual === undefined) return compareLengths(expectedResponse, actualResponse, context);
  if (actual === undefined && (expectedResponse.totalMs ?? 0) >= (actualResponse.cutOffMs ?? Infinity)) {
    // Responses without a client are read until their timeout, and the primary took longer as well.
    return "unfinished";
  }
  if (expected === undefined || actual === undefined) {
    differences.add("body", expected === undefined ? "added" : "removed", {
      ...(expected === undefined ? {} : { expected: () => sizeOf(expected) }),
      ...(actual === undefined ? {} : { actual: () => sizeOf(actual) }),
      values: [expected, actual],
    });
    return;
  }
  if (expected.cut || actual.cut) {
    // The same bytes in another coding are a different body, or one that clients cannot decode.
    const isSame = hasSameDigest(expected, actual) && hasSameCodings(expectedResponse, actualResponse);
    if (isSame) return;
    if ((expected.isBroken && !actual.cut) || (actual.isBroken && !expected.cut)) {
      const sampleOf = (body: CapturedBody) => () =>
        body.isBroken ? `${sizeOf({ ...body, cut: false })} that cannot be decoded` : sizeOf(body);
      differences.add("body", "changed", { expected: sampleOf(expected), actual: sampleOf(actual) });
      return;
    }
    const lengths = [declaredLength(expectedResponse), declaredLength(actualResponse)] as const;
    if (lengths.includes(undefined) || lengths[0] === lengths[1]) return reasonOf(expected.cut ? expected : actual);
    const [expectedLength, actualLength] = lengths;
    differences.add("body", "changed", {
      expected: () => `${expectedLength} bytes`,
      actual: () => `${actualLength} bytes`,
    });
    return;
  }
  steps.take(expected.bytes.length / BYTES_PER_STEP);
  const isPrefixSame = hasSameBytes(expected.bytes, actual.bytes);
  if (isPrefixSame && hasSameRest(expected, actual)) return;
  if (expected.rest !== undefined || actual.rest !== undefined) {
    return compareBeginnings(expectedResponse, actualResponse, { ...context, isPrefixSame });
  }
  const [expectedType, actualType] = [bodyTypeOf(expectedResponse.headers), bodyTypeOf(actualResponse.headers)];
  if (expectedType.format === "json" && actualType.format === "json") {
    const leaves = differingLeaves(expected.bytes, actual.bytes, steps);
    if (leaves !== undefined && compareLeaves(leaves, context)) return;
  }
  const texts = readTexts(
    { type: expectedType, bytes: expected.bytes },
    { type: actualType, bytes: actual.bytes },
    steps,
  );
  if (texts === undefined || !compareByFormat(texts, context)) addBinary(expected, actual, differences);
}

/** Compares the declared lengths of bodies that were not sent, as in responses to HEAD. */
function compareLengths(
  expectedResponse: CapturedResponse,
  actualResponse: CapturedResponse,
  { rules, differences }: ComparisonContext,
): undefined {
  // Rules may hide the bytes by which the lengths differ. The length of a 304 response depends on the coding.
  if (rules.mayHideBytes || expectedResponse.status >= 300) return;
  const [expected, actual] = [declaredLength(expectedResponse), declaredLength(actualResponse)];
  if (expected === undefined || actual === undefined || expected === actual) return;
  differences.add("body", "changed", { expected: () => `${expected} bytes`, actual: () => `${actual} bytes` });
}

interface Texts {
  readonly format: ResponseFormat;
  readonly expected: string;
  readonly actual: string;
}

interface TypedBytes {
  readonly type: BodyType;
  readonly bytes: Uint8Array;
}

/**
 * Decodes both bodies. Bodies of different formats are compared as `unknown`. Returns `undefined` for binary bodies.
 */
function readTexts(expected: TypedBytes, actual: TypedBytes, steps: StepBudget): Texts | undefined {
  const [a, b] = [expected.type, actual.type];
  if (a.format === "binary" || b.format === "binary") return undefined;
  const format = a.format === b.format ? a.format : "unknown";
  const isAlwaysUtf8 = format === "json" || format === "json-lines";
  const decode = (bytes: Uint8Array, charset = "utf-8") => {
    steps.take(bytes.length / (/^utf-?8$/.test(charset) ? DECODED_PER_STEP : LEGACY_DECODED_PER_STEP));
    return decodeText(bytes, charset);
  };
  const expectedText = decode(expected.bytes, isAlwaysUtf8 ? undefined : a.charset);
  const actualText = decode(actual.bytes, isAlwaysUtf8 ? undefined : b.charset);
  if (expectedText === undefined || actualText === undefined) return undefined;
  return { format, expected: expectedText, actual: actualText };
}

/** Returns `false` if the bodies have no format that can be compared as text. */
function compareByFormat({ format, expected, actual }: Texts, context: ComparisonContext): boolean {
  const { steps } = context;
  if (format === "binary") return false;
  if (format === "form") {
    compareForms(expected, actual, context);
    return true;
  }
  const json = readJson(format, expected, actual, steps);
  if (json !== undefined) compareJson(json.expected.value, json.actual.value, context);
  else if (format === "html" || format === "xml") compareMarkup(expected, actual, format, context);
  else compareTexts(expected, actual, context);
  return true;
}

/** Parses both texts as one JSON document each, otherwise as several. Returns `undefined` if one of them is not JSON. */
function readJson(
  format: ResponseFormat,
  expectedText: string,
  actualText: string,
  steps: StepBudget,
): { readonly expected: ParsedJson; readonly actual: ParsedJson } | undefined {
  if (!looksLikeJson(expectedText, format) || !looksLikeJson(actualText, format)) return undefined;
  for (const parse of format === "json-lines" ? [parseJsonDocuments] : [parseExactJson, parseJsonDocuments]) {
    const expected = parse(expectedText, steps);
    const actual = expected && parse(actualText, steps);
    if (expected !== undefined && actual !== undefined) return { expected, actual };
  }
  return undefined;
}

/** Reports whether a text may be JSON. Without a type of JSON, only objects and arrays are parsed as JSON. */
function looksLikeJson(text: string, format: ResponseFormat): boolean {
  return format === "json" || format === "json-lines" || /^\s*[[{]/.test(text);
}

function bodyOf({ body }: CapturedResponse): CapturedBody | undefined {
  return body === undefined || (contentLength(body) === 0 && !body.cut) ? undefined : body;
}

function hasSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && firstDifference(a, b) === -1;
}

/** Returns the first index at which two arrays differ; -1 if one array is a prefix of the other. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  if (isAligned(a) && isAligned(b)) {
    const count = length >> 2;
    const [aWords, bWords] = [wordsOf(a, count), wordsOf(b, count)];
    let word = 0;
    while (word < count && aWords[word] === bWords[word]) word++;
    at = word * 4;
  }
  for (; at < length; at++) if (a[at] !== b[at]) return at;
  return -1;
}

function isAligned({ byteOffset }: Uint8Array): boolean {
  return byteOffset % 4 === 0;
}

function wordsOf({ buffer, byteOffset }: Uint8Array, count: number): Uint32Array {
  return new Uint32Array(buffer, byteOffset, count);
}

/**
 * Compares bodies that were kept in part. Values that differ in the kept parts are named if the rest is the same.
 * Otherwise, the bodies differ as a whole, unless rules may apply to the bytes that differ.
 */
function compareBeginnings(
  expectedResponse: CapturedResponse,
  actualResponse: CapturedResponse,
  context: ComparisonContext & { readonly isPrefixSame: boolean },
): NotComparableReason | undefined {
  const { rules, differences, steps, isPrefixSame } = context;
  const [expected, actual] = [expectedResponse.body!, actualResponse.body!];
  const [expectedType, actualType] = [bodyTypeOf(expectedResponse.headers), bodyTypeOf(actualResponse.headers)];
  if (hasSameRest(expected, actual)) {
    const isJson = expectedType.format === "json" && actualType.format === "json";
    const leaves = isJson ? differingLeaves(expected.bytes, actual.bytes, steps, { isPrefix: true }) : undefined;
    if (leaves !== undefined && compareLeaves(leaves, context)) return;
  }
  const isBinary = expectedType.format === "binary" || actualType.format === "binary";
  if (!isBinary && rules.mayHideBytes) return "too-large";
  const at = isPrefixSame ? expected.bytes.length : offsetOfDifference(expected, actual);
  const sampleOf = (body: CapturedBody) => () => {
    const length = `${contentLength(body)} bytes`;
    if (!isPrefixSame) return `${length}, different from byte ${at} on`;
    return `${length}, equal in the first ${at}, digest of the rest ${body.rest?.digest ?? "none"}`;
  };
  differences.add("body", "changed", { expected: sampleOf(expected), actual: sampleOf(actual) });
}

function hasSameRest({ rest: a }: CapturedBody, { rest: b }: CapturedBody): boolean {
  return a?.length === b?.length && a?.digest === b?.digest;
}

function hasSameCodings(a: CapturedResponse, b: CapturedResponse): boolean {
  return codingsOf(a.headers).join() === codingsOf(b.headers).join();
}

/** Returns the length of the content from Content-Length; `undefined` if it has a coding, or no such field. */
function declaredLength({ headers }: CapturedResponse): number | undefined {
  const length = getHeader(headers, "content-length") ?? "";
  return codingsOf(headers).length === 0 && /^\d+$/.test(length) ? Number(length) : undefined;
}

/**
 * Reports whether two bodies have the same bytes and codings as sent. They are then equal without decoding. Bodies
 * without codings are not compared here, because nothing would be saved.
 */
export function hasSameBytesAsSent(a: EncodedCapture, b: EncodedCapture): boolean {
  if (a.isDecoded || b.isDecoded || !a.outcome?.ok || !b.outcome?.ok) return false;
  const [first, second] = [a.outcome.response, b.outcome.response];
  if (first.body === undefined || second.body === undefined || first.body.cut || second.body.cut) return false;
  if (codingsOf(first.headers).length === 0 || !hasSameCodings(first, second)) return false;
  return hasSameRest(first.body, second.body) && hasSameBytes(first.body.bytes, second.body.bytes);
}

/** The part of a capture that tells if its body has to be decoded. */
interface EncodedCapture {
  readonly outcome: CapturedOutcome | undefined;
  readonly isDecoded: boolean;
}

/** Reports whether two bodies that were cut had the same bytes as sent. */
function hasSameDigest(a: CapturedBody, b: CapturedBody): boolean {
  return a.cut && b.cut && a.length === b.length && a.digest !== undefined && a.digest === b.digest;
}

function reasonOf({ cutBy = "too-large" }: CapturedBody): NotComparableReason {
  return cutBy;
}

function addBinary(expected: CapturedBody, actual: CapturedBody, differences: DifferenceList): void {
  const offset = offsetOfDifference(expected, actual);
  const sampleOf = (body: CapturedBody) => () => `${sizeOf(body)}, different from byte ${offset} on`;
  differences.add("body", "changed", { expected: sampleOf(expected), actual: sampleOf(actual) });
}

function offsetOfDifference({ bytes: a }: CapturedBody, { bytes: b }: CapturedBody): number {
  const at = firstDifference(a, b);
  return at === -1 ? Math.min(a.length, b.length) : at;
}
