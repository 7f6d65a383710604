/** Two bodies: byte by byte first, and by what they say where that differs. */

import type { CapturedBody, CapturedResponse } from "./response.ts";
import { type BodyType, bodyTypeOf, decodeText, type ResponseFormat } from "./response_format.ts";
import { compareForms } from "./compare_forms.ts";
import { compareJson, compareLeaves } from "./compare_json.ts";
import { compareTexts } from "./compare_texts.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import { codingsOf } from "./decode_body.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { DifferenceList } from "./difference_list.ts";
import { parseExactJson, parseJsonLines } from "../lib/exact_json.ts";
import { differingLeaves } from "./lockstep_json.ts";
import type { NotComparableReason } from "../observe/events.ts";
import { sizeOf } from "./sample_body.ts";

/** Bytes compared per step. */
const BYTES_PER_STEP = 32;
/** Bytes decoded as UTF-8 per step. */
const DECODED_PER_STEP = 4;
/** Bytes decoded from another character set per step. */
const LEGACY_DECODED_PER_STEP = 1;
/** Steps per character of markup, because a regular expression folds white space. */
const MARKUP_STEPS = 3;

/**
 * Finds the differences between the bodies of two responses.
 *
 * @param expected The primary's response.
 * @param actual The other service's response.
 * @param means Rules, result and step budget.
 * @returns The reason why the bodies are not comparable; `undefined` if they were compared.
 */
export function compareBodies(
  expected: CapturedResponse,
  actual: CapturedResponse,
  means: ComparisonContext,
): NotComparableReason | undefined {
  const { rules, differences, steps } = means;
  if (rules.ignoresBody) return;
  const one = bodyOf(expected);
  const other = bodyOf(actual);
  if (one === undefined && other === undefined) return;
  if (one === undefined || other === undefined) {
    differences.add("body", one === undefined ? "added" : "removed", {
      ...(one === undefined ? {} : { expected: () => sizeOf(one) }),
      ...(other === undefined ? {} : { actual: () => sizeOf(other) }),
    });
    return;
  }
  if (one.cut || other.cut) {
    // The same bytes under another coding are another body, or none that a client can read.
    const isSame = isSameUncompared(one, other) &&
      codingsOf(expected.headers).join() === codingsOf(actual.headers).join();
    return isSame ? undefined : reasonOf(one.cut ? one : other);
  }
  steps.take(one.length / BYTES_PER_STEP);
  if (hasSameBytes(one.bytes, other.bytes)) return;
  const [type, otherType] = [bodyTypeOf(expected.headers), bodyTypeOf(actual.headers)];
  if (type.format === "json" && otherType.format === "json") {
    const leaves = differingLeaves(one.bytes, other.bytes, steps);
    if (leaves !== undefined && compareLeaves(leaves, means)) return;
  }
  const texts = readTexts({ type, bytes: one.bytes }, { type: otherType, bytes: other.bytes }, steps);
  if (texts === undefined || !compareByFormat(texts, means)) addBinary(one, other, differences);
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

/** Both as texts; two formats come down to what they have in common. */
function readTexts(one: TypedBytes, other: TypedBytes, steps: StepBudget): Texts | undefined {
  const [a, b] = [one.type, other.type];
  if (a.format === "binary" || b.format === "binary") return undefined;
  const format = a.format === b.format ? a.format : "unknown";
  const isAlwaysUtf8 = format === "json" || format === "json-lines";
  const decode = (bytes: Uint8Array, charset = "utf-8") => {
    steps.take(bytes.length / (/^utf-?8$/.test(charset) ? DECODED_PER_STEP : LEGACY_DECODED_PER_STEP));
    return decodeText(bytes, charset);
  };
  const expected = decode(one.bytes, isAlwaysUtf8 ? undefined : a.charset);
  const actual = decode(other.bytes, isAlwaysUtf8 ? undefined : b.charset);
  return expected === undefined || actual === undefined ? undefined : { format, expected, actual };
}

/** Returns `false` if the bodies have no format that can be compared as text. */
function compareByFormat({ format, expected, actual }: Texts, means: ComparisonContext): boolean {
  const { steps } = means;
  switch (format) {
    case "json":
    case "json-lines":
    case "unknown": {
      const parse = format === "json-lines" ? parseJsonLines : parseExactJson;
      const one = looksLikeJson(expected, format) ? parse(expected, steps) : undefined;
      const other = one === undefined ? undefined : parse(actual, steps);
      if (one === undefined || other === undefined) compareTexts(expected, actual, means);
      else compareJson(one.value, other.value, means);
      return true;
    }
    case "form":
      compareForms(expected, actual, means);
      return true;
    case "markup":
      steps.take(MARKUP_STEPS * (expected.length + actual.length));
      compareTexts(foldSpace(expected), foldSpace(actual), means);
      return true;
    case "text":
      compareTexts(expected, actual, means);
      return true;
    default:
      return false;
  }
}

/** Without a content type only what begins like a container is taken for JSON. */
function looksLikeJson(text: string, format: ResponseFormat): boolean {
  return format !== "unknown" || /^\s*[[{]/.test(text);
}

/** Every tag that follows another begins a line, so that the first line that differs is short. */
function foldSpace(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll(/> ?</g, ">\n<");
}

function bodyOf({ body }: CapturedResponse): CapturedBody | undefined {
  return body === undefined || (body.length === 0 && !body.cut) ? undefined : body;
}

function hasSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && firstDifference(a, b) === -1;
}

/** Returns the first index at which two arrays differ; -1 when one is the beginning of the other. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  if (isAligned(a) && isAligned(b)) {
    const words = length >> 2;
    const [one, other] = [wordsOf(a, words), wordsOf(b, words)];
    let word = 0;
    while (word < words && one[word] === other[word]) word++;
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

/** Reports whether two bodies that could not be read whole were sent with the same bytes. */
function isSameUncompared(one: CapturedBody, other: CapturedBody): boolean {
  return one.cut && other.cut && one.length === other.length && one.digest !== undefined && one.digest === other.digest;
}

function reasonOf({ cutBy = "too-large" }: CapturedBody): NotComparableReason {
  return cutBy;
}

function addBinary(one: CapturedBody, other: CapturedBody, differences: DifferenceList): void {
  const at = firstDifference(one.bytes, other.bytes);
  const offset = at === -1 ? Math.min(one.bytes.length, other.bytes.length) : at;
  const sampleOf = (body: CapturedBody) => () => `${sizeOf(body)}, different from byte ${offset} on`;
  differences.add("body", "changed", { expected: sampleOf(one), actual: sampleOf(other) });
}
