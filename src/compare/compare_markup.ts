/** Comparison of XML and HTML by elements, attributes and texts. */

import { printJsonPath } from "../config/body_path.ts";
import type { StepBudget } from "../lib/step_budget.ts";
import { withoutSecret } from "./compare_json.ts";
import { compareTexts, excerptOf } from "./compare_texts.ts";
import type { ComparisonContext, DifferenceKind } from "./difference.ts";
import { JsonRules } from "./json_keys.ts";
import {
  isElement,
  type MarkupElement,
  type MarkupLanguage,
  type MarkupNode,
  parseMarkup,
  type Span,
} from "./markup_tree.ts";

/** Siblings that are searched for the counterpart of an element. */
const MAX_LOOKAHEAD = 16;
/** Steps per compared node. */
const NODE_STEPS = 20;
const TEXT = "#text";

/**
 * Finds the differences between two texts. The path of an element has the names of all elements around it, without
 * indexes (`$.html.body.form`), and that of an attribute its name after `@`. Rules for JSON paths apply to them.
 *
 * The order of attributes, white space between tags, the spelling of entities, and comments are ignored.
 */
export function compareMarkup(
  expectedText: string,
  actualText: string,
  language: MarkupLanguage,
  context: ComparisonContext,
): void {
  const { steps } = context;
  const expected = parseMarkup(expectedText, language, steps);
  const actual = parseMarkup(actualText, language, steps);
  if (![...expected.children, ...actual.children].some(isElement)) {
    return compareTexts(expectedText, actualText, context);
  }
  new MarkupComparison({ expected: expectedText, actual: actualText }, context).compareElements(expected, actual);
}

class MarkupComparison {
  readonly #sources: { readonly expected: string; readonly actual: string };
  readonly #context: ComparisonContext;
  readonly #here: JsonRules;
  readonly #keys: NodeKeys;

  constructor(sources: { readonly expected: string; readonly actual: string }, context: ComparisonContext) {
    this.#sources = sources;
    this.#context = context;
    this.#here = new JsonRules(context);
    this.#keys = new NodeKeys(context.steps);
  }

  /** Compares two elements with the same name at the current path. */
  compareElements(expected: MarkupElement, actual: MarkupElement): void {
    this.#context.steps.take(NODE_STEPS);
    if (this.#keys.keyOf(expected) === this.#keys.keyOf(actual) || this.#context.differences.isFull) return;
    this.#compareAttributes(expected, actual);
    this.#compareChildren(expected.children, actual.children);
  }

  #compareAttributes(expected: MarkupElement, actual: MarkupElement): void {
    for (const name of new Set([...expected.attributes.keys(), ...actual.attributes.keys()])) {
      const [a, b] = [expected.attributes.get(name), actual.attributes.get(name)];
      if (a?.text === b?.text) continue;
      this.#at(`@${name}`, () => {
        if (a === undefined || b === undefined || !this.#areEquivalent(a.text, b.text)) this.#add(a, b);
      });
    }
  }

  #compareChildren(expected: readonly MarkupNode[], actual: readonly MarkupNode[]): void {
    let [start, expectedEnd, actualEnd] = [0, expected.length, actual.length];
    const isSame = (a: MarkupNode, b: MarkupNode) => this.#keys.keyOf(a) === this.#keys.keyOf(b);
    if (expectedEnd !== actualEnd) {
      while (start < expectedEnd && start < actualEnd && isSame(expected[start]!, actual[start]!)) start++;
      while (
        start < expectedEnd && start < actualEnd && isSame(expected[expectedEnd - 1]!, actual[actualEnd - 1]!)
      ) {
        expectedEnd--;
        actualEnd--;
      }
    }
    let [i, j] = [start, start];
    while (i < expectedEnd || j < actualEnd) {
      this.#context.steps.take(NODE_STEPS);
      const a = i < expectedEnd ? expected[i] : undefined;
      const b = j < actualEnd ? actual[j] : undefined;
      const isPair = a !== undefined && b !== undefined && nameOf(a) === nameOf(b);
      if (isPair) {
        this.#compareNodes(a, b);
        [i, j] = [i + 1, j + 1];
      } else if (b !== undefined && (a === undefined || isAhead(a, actual, { from: j, end: actualEnd }))) {
        this.#at(nameOf(b), () => this.#add(undefined, b));
        j++;
      } else if (a !== undefined && (b === undefined || isAhead(b, expected, { from: i, end: expectedEnd }))) {
        this.#at(nameOf(a), () => this.#add(a, undefined));
        i++;
      } else {
        this.#at(nameOf(a!), () => this.#add(a, b));
        [i, j] = [i + 1, j + 1];
      }
    }
  }

  #compareNodes(a: MarkupNode, b: MarkupNode): void {
    if (isElement(a) && isElement(b)) return this.#at(a.name, () => this.compareElements(a, b));
    const [expected, actual] = [a as { text: string } & Span, b as { text: string } & Span];
    // A text has the path of its element.
    if (expected.text !== actual.text && !this.#areEquivalent(expected.text, actual.text)) this.#add(a, b);
  }

  #areEquivalent(expected: string, actual: string): boolean {
    if (!this.#context.rules.normalises) return false;
    const [a, b] = [this.#here.normalise(expected), this.#here.normalise(actual)];
    return a === b || this.#here.areNearTexts(a, b);
  }

  #at(name: string, run: () => void): void {
    if (name !== TEXT) this.#here.path.push(name);
    run();
    if (name !== TEXT) this.#here.path.pop();
  }

  #add(expected: Span | undefined, actual: Span | undefined): void {
    const { differences, rules, steps } = this.#context;
    steps.take(NODE_STEPS);
    if (differences.isFull || this.#here.isIgnored()) return;
    const kind: DifferenceKind = expected === undefined ? "added" : actual === undefined ? "removed" : "changed";
    const path = [...this.#here.path];
    const isSecret = rules.redactor.hidesJson(path);
    const sampleOf = (source: string, { start, end }: Span) => () =>
      isSecret
        ? rules.redactor.replace(source.slice(start, end))
        : excerptOf(source, { start, length: end - start, column: 0 }, rules);
    differences.add(printJsonPath(path.map(withoutSecret)), kind, {
      ...(expected === undefined ? {} : { expected: sampleOf(this.#sources.expected, expected) }),
      ...(actual === undefined ? {} : { actual: sampleOf(this.#sources.actual, actual) }),
    });
  }
}

/** Integer keys of nodes. Only equal nodes have the same key. */
class NodeKeys {
  readonly #known = new Map<MarkupNode, number>();
  readonly #texts = new Map<string, number>();
  readonly #steps: StepBudget;

  constructor(steps: StepBudget) {
    this.#steps = steps;
  }

  keyOf(node: MarkupNode): number {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const text = isElement(node) ? this.#textOf(node) : JSON.stringify(node.text);
    this.#steps.take(NODE_STEPS + text.length);
    let key = this.#texts.get(text);
    if (key === undefined) this.#texts.set(text, key = this.#texts.size);
    this.#known.set(node, key);
    return key;
  }

  #textOf({ name, attributes, children }: MarkupElement): string {
    const written = [...attributes].map(([attribute, { text }]) => JSON.stringify([attribute, text])).sort();
    return `<${JSON.stringify(name)} ${written.join()}>${children.map((child) => this.keyOf(child)).join()}`;
  }
}

function nameOf(node: MarkupNode): string {
  return isElement(node) ? node.name : TEXT;
}

interface Range {
  readonly from: number;
  readonly end: number;
}

function isAhead(node: MarkupNode, siblings: readonly MarkupNode[], { from, end }: Range): boolean {
  return siblings.slice(from, Math.min(end, from + MAX_LOOKAHEAD)).some((sibling) => nameOf(sibling) === nameOf(node));
}
