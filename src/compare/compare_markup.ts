/** Comparison of XML and HTML by elements, attributes and texts. */

import { printJsonPath } from "../config/body_path.ts";
import { compareTexts, excerptOf } from "./compare_texts.ts";
import type { ComparisonContext, DifferenceKind } from "./difference.ts";
import { JsonRules } from "./json_keys.ts";
import {
  hashOf,
  isElement,
  type MarkupElement,
  type MarkupLanguage,
  type MarkupNode,
  parseMarkup,
  type Span,
} from "./markup_tree.ts";

/** Siblings that are searched for the counterpart of an element. */
const MAX_LOOKAHEAD = 16;
/**
 * Characters around a sample that are searched for secrets. Fewer than in other texts, because a page may have a hundred
 * differences. The name of a secret is mostly in the same tag.
 */
const SEARCHED_AROUND = 1_024;
/** Steps per difference, because its samples are searched. */
const DIFFERENCE_STEPS = 4_096;
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

  constructor(sources: { readonly expected: string; readonly actual: string }, context: ComparisonContext) {
    this.#sources = sources;
    this.#context = context;
    this.#here = new JsonRules(context);
  }

  /** Compares two elements with the same name at the current path. */
  compareElements(expected: MarkupElement, actual: MarkupElement): void {
    this.#context.steps.take(NODE_STEPS);
    if (isEqual(expected, actual) || this.#context.differences.isFull) return;
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
    if (expectedEnd !== actualEnd) {
      while (start < expectedEnd && start < actualEnd && isEqual(expected[start]!, actual[start]!)) start++;
      while (
        start < expectedEnd && start < actualEnd && isEqual(expected[expectedEnd - 1]!, actual[actualEnd - 1]!)
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
    if (differences.isFull || this.#here.isIgnored()) return;
    const kind: DifferenceKind = expected === undefined ? "added" : actual === undefined ? "removed" : "changed";
    const path = [...this.#here.path];
    const shown = printJsonPath(path.map((segment) => rules.shownSegments.get(segment)));
    steps.take(differences.has(shown) ? NODE_STEPS : DIFFERENCE_STEPS);
    const isSecret = rules.redactor.hidesJson(path);
    const sampleOf = (source: string, { start, end }: Span) => () =>
      isSecret
        ? rules.redactor.replace(source.slice(start, end))
        : excerptOf(source, { start, length: end - start, column: 0, searchedAround: SEARCHED_AROUND }, rules);
    differences.add(shown, kind, {
      ...(expected === undefined ? {} : { expected: sampleOf(this.#sources.expected, expected) }),
      ...(actual === undefined ? {} : { actual: sampleOf(this.#sources.actual, actual) }),
      values: [textOf(this.#sources.expected, expected), textOf(this.#sources.actual, actual)],
    });
  }
}

function textOf(source: string, span: Span | undefined): string | undefined {
  return span && source.slice(span.start, span.end);
}

function isEqual(a: MarkupNode, b: MarkupNode): boolean {
  const [x, y] = [hashOf(a), hashOf(b)];
  return x.first === y.first && x.second === y.second;
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
