/** Two bodies: byte by byte first, and by what they say where that differs. */

import type { CapturedBody, CapturedResponse } from "./answer.ts";
import { type AnswerFormat, type BodyType, bodyTypeOf, decodeText } from "./answer_format.ts";
import { compareForms } from "./compare_forms.ts";
import { compareJson, compareLeaves } from "./compare_json.ts";
import { compareTexts } from "./compare_texts.ts";
import type { DifferenceList } from "./difference_list.ts";
import { parseExactJson, parseJsonLines } from "./exact_json.ts";
import { differingLeaves } from "./lockstep_json.ts";
import type { CompareRules } from "./rules.ts";
import { sizeOf } from "./sample_body.ts";

/**
 * Finds where the bodies of two responses differ. Of a body that was cut only length and digest are compared.
 *
 * @param expected The primary's response.
 * @param actual The other's.
 * @param rules What counts as a difference.
 * @param differences Where they are added.
 */
export function compareBodies(
  expected: CapturedResponse,
  actual: CapturedResponse,
  rules: CompareRules,
  differences: DifferenceList,
): void {
  if (rules.ignoresBody) return;
  const one = bodyOf(expected);
  const other = bodyOf(actual);
  if (one === undefined && other === undefined) return;
  if (one === undefined || other === undefined) {
    return differences.add("body", one === undefined ? "added" : "removed", {
      ...(one === undefined ? {} : { expected: () => sizeOf(one) }),
      ...(other === undefined ? {} : { actual: () => sizeOf(other) }),
    });
  }
  if (one.cut || other.cut) return compareCut(one, other, differences);
  if (hasSameBytes(one.bytes, other.bytes)) return;
  const [type, otherType] = [bodyTypeOf(expected.headers), bodyTypeOf(actual.headers)];
  if (type.format === "json" && otherType.format === "json") {
    const leaves = differingLeaves(one.bytes, other.bytes);
    if (leaves !== undefined && compareLeaves(leaves, rules, differences)) return;
  }
  const texts = readTexts({ type, bytes: one.bytes }, { type: otherType, bytes: other.bytes });
  if (texts === undefined || !compareByFormat(texts, rules, differences)) addBinary(one, other, differences);
}

interface Texts {
  readonly format: AnswerFormat;
  readonly expected: string;
  readonly actual: string;
}

interface TypedBytes {
  readonly type: BodyType;
  readonly bytes: Uint8Array;
}

/** Both as texts; two formats come down to what they have in common. */
function readTexts(one: TypedBytes, other: TypedBytes): Texts | undefined {
  const [a, b] = [one.type, other.type];
  if (a.format === "binary" || b.format === "binary") return undefined;
  const format = a.format === b.format ? a.format : "unknown";
  const isAlwaysUtf8 = format === "json" || format === "json-lines";
  const expected = decodeText(one.bytes, isAlwaysUtf8 ? undefined : a.charset);
  const actual = decodeText(other.bytes, isAlwaysUtf8 ? undefined : b.charset);
  return expected === undefined || actual === undefined ? undefined : { format, expected, actual };
}

/** @returns Whether the format allowed it. */
function compareByFormat(
  { format, expected, actual }: Texts,
  rules: CompareRules,
  differences: DifferenceList,
): boolean {
  switch (format) {
    case "json":
    case "json-lines":
    case "unknown": {
      const parse = format === "json-lines" ? parseJsonLines : parseExactJson;
      const one = looksLikeJson(expected, format) ? parse(expected) : undefined;
      const other = one === undefined ? undefined : parse(actual);
      if (one === undefined || other === undefined) compareTexts(expected, actual, rules, differences);
      else compareJson(one.value, other.value, rules, differences);
      return true;
    }
    case "form":
      compareForms(expected, actual, rules, differences);
      return true;
    case "markup":
      compareTexts(foldSpace(expected), foldSpace(actual), rules, differences);
      return true;
    case "text":
      compareTexts(expected, actual, rules, differences);
      return true;
    default:
      return false;
  }
}

/** Without a content type only what begins like a container is taken for JSON. */
function looksLikeJson(text: string, format: AnswerFormat): boolean {
  return format !== "unknown" || /^\s*[[{]/.test(text);
}

/** Every tag that follows another begins a line, so that the first line that differs is short. */
function foldSpace(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll(/> ?</g, ">\n<");
}

function bodyOf({ body }: CapturedResponse): CapturedBody | undefined {
  return body === undefined || body.length === 0 ? undefined : body;
}

function hasSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}

function compareCut(one: CapturedBody, other: CapturedBody, differences: DifferenceList): void {
  const isSame = one.cut && other.cut && one.length === other.length &&
    one.digest !== undefined && one.digest === other.digest;
  if (!isSame) differences.add("body", "changed", { expected: () => sizeOf(one), actual: () => sizeOf(other) });
}

function addBinary(one: CapturedBody, other: CapturedBody, differences: DifferenceList): void {
  const at = one.bytes.findIndex((byte, index) => byte !== other.bytes[index]);
  const offset = at === -1 ? Math.min(one.bytes.length, other.bytes.length) : at;
  const sampleOf = (body: CapturedBody) => () => `${sizeOf(body)}, different from byte ${offset} on`;
  differences.add("body", "changed", { expected: sampleOf(one), actual: sampleOf(other) });
}
