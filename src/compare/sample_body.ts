/** Whole bodies as texts, for people to look at: `samples: bodies`. */

import type { CapturedBody, CapturedResponse } from "./answer.ts";
import { bodyTypeOf, decodeText } from "./answer_format.ts";
import { readForm, sampleOfField } from "./compare_forms.ts";
import { parseExactJson, parseJsonLines } from "./exact_json.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson, sampleOfText } from "./sample_text.ts";

const MAX_LENGTH = 2_048;

/**
 * Shows the body of a response, without secrets: JSON without white space, forms and texts as they are, and of all else how
 * long it is.
 *
 * @param response The response.
 * @param rules What is kept out.
 * @returns At most 2,048 characters of it; `undefined` where there is no body.
 */
export function sampleOfBody({ headers, body }: CapturedResponse, rules: CompareRules): string | undefined {
  if (body === undefined) return undefined;
  const { format, charset } = bodyTypeOf(headers);
  const text = body.cut || format === "binary" ? undefined : decodeText(body.bytes, charset);
  if (text === undefined) return sizeOf(body);
  const { redactor } = rules;
  if (redactor.hidesBody()) return redactor.replace(text);
  if (format === "form") {
    const fields = [...readForm(text)].map(([name, values]) => `${name}=${sampleOfField(name, values.join(), rules)}`);
    return sampleOfText(fields.join("&"), redactor, MAX_LENGTH);
  }
  const parsed = format === "json-lines" ? parseJsonLines(text) : parseExactJson(text);
  if (parsed !== undefined) return sampleOfJson(parsed.value, [], redactor, MAX_LENGTH);
  return sampleOfText(text, redactor, MAX_LENGTH);
}

/**
 * Says how large a body is.
 *
 * @param body The body.
 * @returns Its length as it was sent, and what stands for its content where that was not kept.
 */
export function sizeOf({ length, cut, digest }: CapturedBody): string {
  const size = `${length} ${length === 1 ? "byte" : "bytes"}`;
  return cut ? `${size}, compared by ${digest === undefined ? "length" : `digest ${digest}`}` : size;
}
