/** Whole bodies as texts, for people to look at: `samples: bodies`. */

import type { CapturedBody, CapturedResponse } from "./response.ts";
import { StepBudget, StepsExceeded } from "../lib/step_budget.ts";
import { bodyTypeOf, decodeText } from "./response_format.ts";
import { readForm, sampleOfField } from "./compare_forms.ts";
import { parseExactJson, parseJsonLines } from "../lib/exact_json.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfJson, sampleOfText } from "./sample_text.ts";

const MAX_LENGTH = 2_048;
/** Maximum steps of one sample. For a body that needs more, only the length is shown. */
const MAX_STEPS = 1_000_000;

/**
 * Returns a sample of a body without secrets: JSON without white space, and forms and texts as they are. For other
 * bodies, the sample is the length.
 *
 * @param response The response.
 * @param rules Rules, with the secrets to hide.
 * @returns At most 2,048 characters; `undefined` if there is no body.
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
  const text = body.cut || format === "binary" ? undefined : decodeText(body.bytes, charset);
  if (text === undefined) return sizeOf(body);
  const { redactor } = rules;
  if (redactor.hidesBody()) return redactor.replace(text);
  if (format === "form") {
    const fields = [...readForm(text, steps)].map(([name, values]) =>
      `${name}=${sampleOfField(name, values.join(), rules)}`
    );
    return sampleOfText(fields.join("&"), redactor, MAX_LENGTH);
  }
  const parsed = format === "json-lines" ? parseJsonLines(text, steps) : parseExactJson(text, steps);
  if (parsed !== undefined) return sampleOfJson(parsed.value, [], redactor, MAX_LENGTH);
  return sampleOfText(text, redactor, MAX_LENGTH);
}

/**
 * Describes the size of a body.
 *
 * @param body The body.
 * @returns Its length as sent, and the reason if it was cut.
 */
export function sizeOf({ length, cut, cutBy = "too-large", digest }: CapturedBody): string {
  const size = `${length} ${length === 1 ? "byte" : "bytes"}`;
  if (!cut) return size;
  return digest === undefined ? `at least ${size} (${cutBy})` : `${size} (${cutBy}), digest ${digest}`;
}
