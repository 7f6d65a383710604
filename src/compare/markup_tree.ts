/** A tolerant parser of XML and HTML, for comparisons: any text has a tree, and equal texts have equal trees. */

import type { StepBudget } from "../lib/step_budget.ts";

/** Language of a text. */
export type MarkupLanguage = "html" | "xml";

/** A part of the source text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Hash of a node. Nodes with the same hash are equal: two times 32 bits do not collide by chance. */
export interface NodeHash {
  readonly first: number;
  readonly second: number;
}

/** A value with its place in the source. */
export interface MarkupText extends Span {
  /** Text with entities decoded and white space folded. */
  readonly text: string;
}

/** An element, a document type or a processing instruction (`!doctype`, `?xml-stylesheet`). */
export interface MarkupElement extends Span {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, MarkupText>;
  readonly children: MarkupNode[];
}

export type MarkupNode = MarkupElement | MarkupText;

/** Maximum nesting. Deeper elements become siblings. Real pages have 30 levels. */
const MAX_DEPTH = 200;
/** Maximum lists of classes that are cached. */
const MAX_CLASS_LISTS = 1_000;
/** Steps per node and attribute, in addition to those for the characters. */
const NODE_STEPS = 40;
/** Steps per character. */
const CHARACTER_STEPS = 3;

const [FIRST_PRIME, SECOND_PRIME, TEXT_SEED, ELEMENT_SEED] = [0x85ebca6b, 0xc2b2ae35, 0x9747b28c, 0x1b873593];
const NO_ATTRIBUTES: ReadonlyMap<string, MarkupText> = new Map();
const VOID = words("area base br col embed hr img input link meta source track wbr");
/** Elements whose content is text, even if it contains tags. */
const RAW = words("script style textarea title");
/** Elements whose white space counts. */
const PREFORMATTED = words("pre textarea");
/** Elements that end those before them without an end tag. */
const IMPLIED_ENDS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["li", words("li")],
  ["p", words("p")],
  ["dt", words("dt dd")],
  ["dd", words("dt dd")],
  ["tr", words("tr td th")],
  ["td", words("td th")],
  ["th", words("td th")],
  ["option", words("option")],
]);
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  shy: "\u00ad",
  copy: "©",
  reg: "®",
  trade: "™",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  middot: "·",
  bull: "•",
  times: "×",
  euro: "€",
};
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z]{2,8}));/g;
const [CLOSE, SLASH] = [0x3e, 0x2f];
const HAS_SPACE = /\s/;
const NEEDS_FOLDING = /[\t\r\n\f]| {2}|^ | $/;
const NAME = /[A-Za-z_\u0080-\uffff][^\s/>=]*/y;
const ATTRIBUTE = /([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/y;

/** Returns the hash of a node. Hashes of elements are cached, so all hashes of a tree take one pass. */
export function hashOf(node: MarkupNode): NodeHash {
  if (!isElement(node)) return hashText(node.text, TEXT_SEED);
  const cache = node as { hash?: NodeHash } & MarkupElement;
  if (cache.hash !== undefined) return cache.hash;
  let { first, second } = hashText(node.name, ELEMENT_SEED);
  // A sum, because the order of attributes does not count.
  for (const [name, { text }] of node.attributes) {
    const hash = hashText(text, hashText(name, ELEMENT_SEED).first);
    first = (first + hash.first) | 0;
    second = (second + hash.second) | 0;
  }
  for (const child of node.children) {
    const hash = hashOf(child);
    first = mix(first, hash.first, FIRST_PRIME);
    second = mix(second, hash.second, SECOND_PRIME);
  }
  return cache.hash = { first: mix(first, node.children.length, FIRST_PRIME), second };
}

function hashText(text: string, seed: number): NodeHash {
  let first = seed;
  let second = ~seed;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    first = mix(first, code, FIRST_PRIME);
    second = mix(second, code, SECOND_PRIME);
  }
  return { first: mix(first, text.length, FIRST_PRIME), second: mix(second, first, SECOND_PRIME) };
}

function mix(hash: number, value: number, prime: number): number {
  const mixed = Math.imul(hash ^ value, prime);
  return mixed ^ (mixed >>> 15);
}

/** Parses a text. White space between tags, comments and the XML declaration are ignored. */
export function parseMarkup(source: string, language: MarkupLanguage, steps: StepBudget): MarkupElement {
  steps.take(CHARACTER_STEPS * source.length);
  return new MarkupParser(source, language, steps).parse();
}

/** Reports whether a node is an element. */
export function isElement(node: MarkupNode): node is MarkupElement {
  return "children" in node;
}

class MarkupParser {
  readonly #source: string;
  readonly #isHtml: boolean;
  readonly #steps: StepBudget;
  readonly #open: MarkupElement[];
  readonly #classes = new Map<string, string>();
  #at = 0;

  constructor(source: string, language: MarkupLanguage, steps: StepBudget) {
    this.#source = source;
    this.#isHtml = language === "html";
    this.#steps = steps;
    this.#open = [{ name: "", attributes: new Map(), children: [], start: 0, end: source.length }];
  }

  parse(): MarkupElement {
    const { length } = this.#source;
    while (this.#at < length) {
      const tag = this.#source.indexOf("<", this.#at);
      const end = tag === -1 ? length : tag;
      this.#addText(this.#at, end);
      this.#at = end;
      // A `<` that starts no tag is text.
      if (tag !== -1 && !this.#passMarkup()) this.#addText(this.#at, ++this.#at);
    }
    return this.#open[0]!;
  }

  #passMarkup(): boolean {
    const [source, at] = [this.#source, this.#at];
    if (source.startsWith("<!--", at)) return this.#passTo("-->", 4);
    if (source.startsWith("<![CDATA[", at)) {
      const end = this.#endOf("]]>", at);
      this.#add({ text: fold(source.slice(at + 9, end)), start: at, end });
      return this.#passTo("]]>", 9);
    }
    if (source.startsWith("</", at)) return this.#passEndTag();
    if (source.startsWith("<!", at) || source.startsWith("<?", at)) {
      const end = this.#endOf(">", at);
      const [name = "", ...rest] = fold(source.slice(at + 1, end).replace(/\?$/, "")).split(" ");
      const value = { text: rest.join(" ").toLowerCase(), start: at, end };
      const node = { name: name.toLowerCase(), attributes: new Map([["", value]]), children: [], start: at, end };
      // The declaration names an encoding, which has been decoded.
      if (node.name !== "?xml") this.#add(node);
      return this.#passTo(">", 2);
    }
    return this.#passStartTag();
  }

  #endOf(mark: string, from: number): number {
    const found = this.#source.indexOf(mark, from);
    return found === -1 ? this.#source.length : found;
  }

  #passTo(mark: string, skipped: number): true {
    this.#at = Math.min(this.#source.length, this.#endOf(mark, this.#at + skipped) + mark.length);
    return true;
  }

  #nameAt(at: number): string | undefined {
    NAME.lastIndex = at;
    const name = NAME.exec(this.#source)?.[0];
    return this.#isHtml ? name?.toLowerCase() : name;
  }

  #passEndTag(): boolean {
    const name = this.#nameAt(this.#at + 2);
    if (name === undefined) return false;
    const index = this.#open.findLastIndex((element) => element.name === name);
    this.#steps.take(this.#open.length);
    if (index > 0) this.#open.length = index;
    return this.#passTo(">", 2);
  }

  #passStartTag(): boolean {
    const start = this.#at;
    const name = this.#nameAt(start + 1);
    if (name === undefined) return false;
    const ended = this.#isHtml ? IMPLIED_ENDS.get(name) : undefined;
    while (ended?.has(this.#open.at(-1)!.name)) this.#open.pop();
    const attributes = this.#readAttributes(start + 1 + name.length);
    const isClosed = this.#source[this.#at] === "/" || (this.#isHtml && VOID.has(name));
    this.#passTo(">", 0);
    const element = { name, attributes, children: [], start, end: this.#at };
    this.#add(element);
    if (isClosed || this.#open.length > MAX_DEPTH) return true;
    this.#open.push(element);
    if (this.#isHtml && RAW.has(name)) this.#passRaw(name);
    return true;
  }

  /** Reads the attributes of a start tag, up to `/>` or `>`. The first attribute of a name counts. */
  #readAttributes(from: number): ReadonlyMap<string, MarkupText> {
    let attributes: Map<string, MarkupText> | undefined;
    this.#at = from;
    for (;;) {
      while (isSpace(this.#source.charCodeAt(this.#at))) this.#at++;
      const code = this.#source.charCodeAt(this.#at);
      if (Number.isNaN(code) || code === CLOSE || (code === SLASH && this.#source.charCodeAt(this.#at + 1) === CLOSE)) {
        return attributes ?? NO_ATTRIBUTES;
      }
      ATTRIBUTE.lastIndex = this.#at;
      const match = ATTRIBUTE.exec(this.#source);
      if (match === null) {
        this.#at++;
        continue;
      }
      // By index, because an iterator over the groups costs more than the match.
      const [whole, written] = [match[0], match[1]!];
      this.#steps.take(NODE_STEPS);
      const name = this.#isHtml ? written.toLowerCase() : written;
      const text = this.#valueOf(name, decodeEntities(match[2] ?? match[3] ?? match[4] ?? ""));
      // An empty class list is none.
      const isEmptyClass = this.#isHtml && name === "class" && text === "";
      attributes ??= new Map();
      if (!isEmptyClass && !attributes.has(name)) {
        attributes.set(name, { text, start: this.#at, end: this.#at + whole.length });
      }
      this.#at += whole.length;
    }
  }

  #valueOf(name: string, text: string): string {
    if (!this.#isHtml) return text;
    // Classes are a set, and the value of a boolean attribute is empty or its name.
    if (name === "class") return HAS_SPACE.test(text) ? this.#classesOf(text) : text;
    return text.length === name.length && text.toLowerCase() === name ? "" : text;
  }

  /** Returns a list of classes in order. Cached, because a page repeats its lists. */
  #classesOf(text: string): string {
    const known = this.#classes.get(text);
    if (known !== undefined) return known;
    const classes = [...new Set(fold(text).split(" "))].sort().join(" ");
    if (this.#classes.size < MAX_CLASS_LISTS) this.#classes.set(text, classes);
    return classes;
  }

  #passRaw(name: string): void {
    const pattern = new RegExp(`</${name}(?=[\\s/>])`, "gi");
    pattern.lastIndex = this.#at;
    const end = pattern.exec(this.#source)?.index ?? this.#source.length;
    this.#addText(this.#at, end, name === "title" || name === "textarea");
    this.#at = end;
  }

  #addText(start: number, end: number, hasEntities = true): void {
    const raw = this.#source.slice(start, end);
    if (hasEntities && raw.includes("&")) this.#steps.take(CHARACTER_STEPS * raw.length);
    const decoded = hasEntities ? decodeEntities(raw) : raw;
    const isKept = this.#isHtml && NEEDS_FOLDING.test(raw) && this.#open.some(({ name }) => PREFORMATTED.has(name));
    const text = isKept ? decoded : fold(decoded);
    if (text !== "") this.#add({ text, start, end });
  }

  #add(node: MarkupNode): void {
    this.#steps.take(NODE_STEPS);
    const { children } = this.#open.at(-1)!;
    const last = children.at(-1);
    // Comments split a text into several.
    if (last === undefined || isElement(last) || isElement(node)) children.push(node);
    else children[children.length - 1] = { text: `${last.text} ${node.text}`, start: last.start, end: node.end };
  }
}

/** Reports whether a code is that of white space, as in `\s`. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0xa0 && HAS_SPACE.test(String.fromCharCode(code)));
}

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(ENTITY, (entity, decimal, hexadecimal, name) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : entity;
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
  });
}

function fold(text: string): string {
  // Most texts need no change.
  if (!NEEDS_FOLDING.test(text)) return text;
  return text.replaceAll(/[ \t\r\n\f]+/g, " ").replace(/^ | $/g, "");
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(" "));
}
