/** Samples of whole bodies, for `samples: bodies`. */

import { parseExactJson, parseJsonDocuments } from "../lib/exact_json.ts";
import { StepBudget, StepsExceeded } from "../lib/step_budget.ts";
import { bodyTypeOf, type CapturedBody, type CapturedResponse, decodeText, sizeOf } from "./captured_response.ts";
import { readForm, sampleOfField } from "./compare_forms.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson, sampleOfText } from "./sample_text.ts";

/** Maximum length of a sample in characters. */
const MAX_LENGTH = 2_048;
/** Maximum steps of one sample. If a body needs more, the sample is its size. */
const MAX_STEPS = 1_000_000;

/**
 * Returns a sample of a body without secrets; `undefined` if there is no body. JSON is written without white space, and
 * forms and texts as received. The sample of any other body is its size.
 */
export function sampleOfBody(response: CapturedResponse, rules: CompareRules): string | undefined {
  const { body } = response;
  if (body === undefined) return undefined;
  try {
    return readSample(response, body, rules);
  } catch (error) {
    if (!(error instanceof StepsExceeded)) throw error;
    return sizeOf(body);
  }
}

function readSample({ headers }: CapturedResponse, body: CapturedBody, rules: CompareRules): string {
  const steps = new StepBudget(MAX_STEPS);
  steps.take(body.bytes.length);
  const { format, charset } = bodyTypeOf(headers);
  const text = body.cut || format === "binary"
    ? undefined
    : decodeText(body.bytes, charset, { stream: body.rest !== undefined });
  if (text === undefined) return sizeOf(body);
  const { redactor } = rules;
  if (redactor.hidesBody()) return redactor.replace(text);
  if (format === "form") {
    const fields = [...readForm(text, steps)].map(([name, values]) =>
      `${name}=${sampleOfField(name, values.join(), rules)}`
    );
    return sampleOfText(fields.join("&"), redactor, MAX_LENGTH);
  }
  const parsed = format === "json-lines" ? parseJsonDocuments(text, steps) : parseExactJson(text, steps);
  if (parsed !== undefined) return sampleOfJson(parsed.value, [], redactor, MAX_LENGTH);
  return sampleOfText(text, redactor, MAX_LENGTH);
}
