/** Two forms (`application/x-www-form-urlencoded`), field by field. */

import { shorten } from "../config/describe.ts";
import { redactText } from "../lib/secret_text.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Names come from backends, and are shown in paths. */
const MAX_NAME_LENGTH = 200;

/**
 * Finds which fields of two forms differ: the order of fields does not count, that of the values of one field does.
 *
 * @param expected The primary's form.
 * @param actual The other's.
 * @param rules What counts as a difference.
 * @param differences Where they are added.
 */
export function compareForms(
  expected: string,
  actual: string,
  rules: CompareRules,
  differences: DifferenceList,
): void {
  const fields = readForm(expected);
  const others = readForm(actual);
  for (const name of new Set([...fields.keys(), ...others.keys()])) {
    const values = fields.get(name);
    const otherValues = others.get(name);
    if (differences.isFull) return;
    if (rules.ignoresField("form", name) || isAlike(name, values, otherValues, rules)) continue;
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
 * @returns The values of each field, in their order.
 */
export function readForm(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

function isAlike(
  name: string,
  values: readonly string[] | undefined,
  others: readonly string[] | undefined,
  rules: CompareRules,
): boolean {
  return values !== undefined && values.length === others?.length && values.every((value, index) => {
    const other = others[index]!;
    return value === other ||
      (rules.normalises && rules.normaliseField(value, "form", name) === rules.normaliseField(other, "form", name));
  });
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
