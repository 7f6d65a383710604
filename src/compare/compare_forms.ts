/** Comparison of two forms (`application/x-www-form-urlencoded`), field by field. */

import { shorten } from "../config/schema/describe.ts";
import { redactText } from "../lib/secret_text.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import type { ComparisonContext } from "./difference.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Maximum length of a name in a path. Names come from backends, and paths are stored and shown. */
const MAX_NAME_LENGTH = 200;
/** Steps per field, in addition to those for its characters. */
const FIELD_STEPS = 100;

/** Finds the form fields that differ. The order of fields is ignored; the order of a field's values is not. */
export function compareForms(expectedText: string, actualText: string, context: ComparisonContext): void {
  const { rules, differences, steps } = context;
  const expectedFields = readForm(expectedText, steps);
  const actualFields = readForm(actualText, steps);
  for (const name of new Set([...expectedFields.keys(), ...actualFields.keys()])) {
    const expected = expectedFields.get(name);
    const actual = actualFields.get(name);
    if (differences.isFull) return;
    steps.take(FIELD_STEPS + rules.pathRuleCount * (FIELD_STEPS + name.length));
    if (rules.ignoresField("form", name) || isEquivalent(name, expected, actual, context)) continue;
    const kind = expected === undefined ? "added" : actual === undefined ? "removed" : "changed";
    const sampleOf = (values: readonly string[]) => () => sampleOfField(name, values.join(", "), rules);
    differences.add(`form:${shorten(redactText(name.slice(0, MAX_NAME_LENGTH)), MAX_NAME_LENGTH)}`, kind, {
      ...(expected === undefined ? {} : { expected: sampleOf(expected) }),
      ...(actual === undefined ? {} : { actual: sampleOf(actual) }),
      values: [expected?.join("\n"), actual?.join("\n")],
    });
  }
}

/** Parses a form. Returns the values of each field in their order. */
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

/** Returns a sample of a field's value, or a mark if the field is secret. */
export function sampleOfField(name: string, text: string, { redactor }: CompareRules): string {
  return redactor.hidesField("form", name) ? redactor.replace(text) : sampleOfText(text, redactor);
}

function countFields(text: string): number {
  let count = 1;
  for (let at = text.indexOf("&"); at !== -1; at = text.indexOf("&", at + 1)) count++;
  return count;
}

function isEquivalent(
  name: string,
  expected: readonly string[] | undefined,
  actual: readonly string[] | undefined,
  { rules, steps }: ComparisonContext,
): boolean {
  const isSame = (a: string, b: string) => {
    if (a === b) return true;
    if (!rules.normalises) return false;
    steps.take(rules.pathRuleCount * (FIELD_STEPS + name.length + a.length + b.length));
    return rules.normaliseField(a, "form", name) === rules.normaliseField(b, "form", name);
  };
  return expected !== undefined && expected.length === actual?.length &&
    expected.every((value, index) => isSame(value, actual[index]!));
}
