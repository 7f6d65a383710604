/** Two forms (`application/x-www-form-urlencoded`), field by field. */

import { shorten } from "../config/schema/describe.ts";
import { redactText } from "../lib/secret_text.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Maximum length of a name in a path: names come from backends, and paths are shown. */
const MAX_NAME_LENGTH = 200;
/** Steps per field, in addition to those for its characters. */
const FIELD_STEPS = 100;

/**
 * Finds the fields that differ between two forms. The order of fields does not count; the order of values of one field
 * does.
 *
 * @param expected The primary's form.
 * @param actual The other service's form.
 * @param means Rules, result and step budget.
 */
export function compareForms(expected: string, actual: string, means: ComparisonContext): void {
  const { rules, differences, steps } = means;
  const fields = readForm(expected, steps);
  const others = readForm(actual, steps);
  for (const name of new Set([...fields.keys(), ...others.keys()])) {
    const values = fields.get(name);
    const otherValues = others.get(name);
    if (differences.isFull) return;
    steps.take(FIELD_STEPS + rules.pathRules * (FIELD_STEPS + name.length));
    if (rules.ignoresField("form", name) || isAlike(name, values, otherValues, means)) continue;
    const kind = values === undefined ? "added" : otherValues === undefined ? "removed" : "changed";
    const sampleOf = (texts: readonly string[]) => () => sampleOfField(name, texts.join(", "), rules);
    differences.add(`form:${shorten(redactText(name.slice(0, MAX_NAME_LENGTH)), MAX_NAME_LENGTH)}`, kind, {
      ...(values === undefined ? {} : { expected: sampleOf(values) }),
      ...(otherValues === undefined ? {} : { actual: sampleOf(otherValues) }),
    });
  }
}

/**
 * Reads a form.
 *
 * @param text The form.
 * @param steps Budget for the reading.
 * @returns The values of each field, in their order.
 */
export function readForm(text: string, steps: StepBudget): Map<string, string[]> {
  steps.take(text.length + FIELD_STEPS * countFields(text));
  const fields = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

function countFields(text: string): number {
  let count = 1;
  for (let at = text.indexOf("&"); at !== -1; at = text.indexOf("&", at + 1)) count++;
  return count;
}

function isAlike(
  name: string,
  values: readonly string[] | undefined,
  others: readonly string[] | undefined,
  { rules, steps }: ComparisonContext,
): boolean {
  const isSame = (value: string, other: string) => {
    if (value === other) return true;
    if (!rules.normalises) return false;
    steps.take(rules.pathRules * (FIELD_STEPS + name.length + value.length + other.length));
    return rules.normaliseField(value, "form", name) === rules.normaliseField(other, "form", name);
  };
  return values !== undefined && values.length === others?.length &&
    values.every((value, index) => isSame(value, others[index]!));
}

/**
 * Shows the value of a field.
 *
 * @param name The field's name.
 * @param text The value.
 * @param rules What is kept out.
 * @returns At most 200 characters of it.
 */
export function sampleOfField(name: string, text: string, { redactor }: CompareRules): string {
  return redactor.hidesField("form", name) ? redactor.replace(text) : sampleOfText(text, redactor);
}
