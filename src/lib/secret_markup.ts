/**
 * Secrets in HTML, XML and multipart forms, in addition to attributes with a secret name. Formats:
 * `<password>…</password>`, `<input type="password" value="…">`, `<meta name="csrf-token" content="…">`, `<string
 * name="api_key">…</string>`.
 */

import { isSecretName, isSecretParameter } from "./secret_names.ts";
import type { TextRange } from "./text_ranges.ts";

const TAG_START = /<([A-Za-z][\w.:-]*)/g;
/** One attribute. A value without a closing quote ends with the text. */
const ATTRIBUTE =
  /[\s/]*([^\s"'<>/=]+)(?:\s{0,8}=\s{0,8}(?:"(?<double>[^"]*)(?:"|$)|'(?<single>[^']*)(?:'|$)|(?<bare>[^\s"'<>]+)))?/dy;
const TAG_END = /[\s/]*>/y;
/** Attributes that hold the name of another attribute's value, or of the content. */
const NAMING = new Set(["name", "id", "key", "property", "itemprop", "http-equiv"]);
const VALUES = new Set(["value", "content"]);
/** Elements whose `name` or `id` does not name their content. */
const NO_CONTENT = new Set(["a", "fieldset", "form", "iframe", "input", "meta"]);
const PART = /content-disposition:\s{0,8}form-data(?=;)[^\r\n]{0,256}?[;\s]name="?([^"\r\n;]{1,128})/gi;
const MAX_PART_HEAD = 1_024;

interface Attribute {
  readonly name: string;
  readonly value: string;
  readonly range: TextRange;
}

/** Finds values in elements, in time linear in the length of the text: every tag is read once. */
export function findMarkupSecrets(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let at = text.indexOf("<");
  while (at !== -1) {
    TAG_START.lastIndex = at;
    const tag = TAG_START.exec(text);
    if (tag === null) break;
    at = addElement(text, tag[1]!, TAG_START.lastIndex, ranges);
  }
  if (text.includes("form-data")) addParts(text, ranges);
  return ranges;
}

/** Adds the secrets of one element. Returns the index at which the search continues. */
function addElement(text: string, qualifiedName: string, from: number, ranges: TextRange[]): number {
  const attributes: Attribute[] = [];
  let at = from;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const found = ATTRIBUTE.exec(text);
    if (found === null) break;
    at = ATTRIBUTE.lastIndex;
    const { double, single, bare } = found.indices!.groups!;
    const [start, end] = double ?? single ?? bare ?? [at, at];
    attributes.push({ name: found[1]!.toLowerCase(), value: text.slice(start, end), range: { start, end } });
  }
  const element = qualifiedName.slice(qualifiedName.lastIndexOf(":") + 1);
  const isNamed = attributes.some(({ name, value }) => NAMING.has(name) && isSecretParameter(value));
  const isPassword = attributes.some(({ name, value }) => name === "type" && value.toLowerCase() === "password");
  if (isNamed || isPassword) {
    for (const { name, range } of attributes) if (VALUES.has(name)) ranges.push(range);
  }
  TAG_END.lastIndex = at;
  if (!TAG_END.test(text)) return at;
  at = TAG_END.lastIndex;
  if (text[at - 2] === "/") return at;
  if (isSecretName(element)) {
    const end = elementEnd(text, element.toLowerCase(), at);
    ranges.push({ start: at, end });
    return end;
  }
  if (isNamed && !NO_CONTENT.has(element.toLowerCase())) {
    const end = text.indexOf("<", at);
    ranges.push({ start: at, end: end === -1 ? text.length : end });
  }
  return at;
}

/** Finds the end tag of an element, with or without a namespace prefix; the end of the text if it is cut off. */
function elementEnd(text: string, element: string, from: number): number {
  for (let at = text.indexOf("</", from); at !== -1; at = text.indexOf("</", at + 2)) {
    const [name = ""] = text.slice(at + 2, at + 130).split(/[\s>]/, 1);
    if (name.slice(name.lastIndexOf(":") + 1).toLowerCase() === element) return at;
  }
  return text.length;
}

/**
 * Adds secret parts of a multipart form. A part ends at the next line that begins like a boundary. Its content has no
 * parts, so each boundary is searched once.
 */
function addParts(text: string, ranges: TextRange[]): void {
  let hiddenUntil = 0;
  for (const { index, 0: found, 1: name = "" } of text.matchAll(PART)) {
    if (index < hiddenUntil || !isSecretParameter(name)) continue;
    const headEnd = index + found.length;
    const blank = /\r?\n\r?\n/.exec(text.slice(headEnd, headEnd + MAX_PART_HEAD));
    const start = blank === null ? headEnd : headEnd + blank.index + blank[0].length;
    const end = text.indexOf("\n--", start);
    hiddenUntil = end === -1 ? text.length : end;
    ranges.push({ start, end: hiddenUntil });
  }
}
