import { assert, assertEquals } from "@std/assert";
import { compareResponses } from "../../src/compare/compare_responses.ts";
import type { Difference } from "../../src/compare/difference.ts";
import { capturedResponse, compareRules } from "../_support/comparisons.ts";
import { seededRandom } from "../_support/seeded_random.ts";

const ROUNDS = 300;
const NAMES = ["div", "p", "b", "ul", "a", "x-card", "span"];

interface Node {
  readonly name: string;
  readonly attributes: readonly (readonly [string, string])[];
  readonly children: readonly (Node | string)[];
}

function compare(a: string, b: string, type = "text/html"): readonly Difference[] {
  const { differences, notComparable } = compareResponses(
    capturedResponse({ body: a, type }),
    capturedResponse({ body: b, type }),
    compareRules(),
  );
  assertEquals(notComparable, undefined);
  return differences;
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

function randomNode(random: () => number, depth: number): Node {
  const attributes = ["id", "title", "data-x", "href"].filter(() => random() < 0.4)
    .map((name) => [name, pick(["1", "a b", 'q"&', ""], random)] as const);
  const count = depth === 0 ? 0 : Math.floor(random() * 4);
  const children: (Node | string)[] = [];
  for (let index = 0; index < count; index++) {
    const isText = random() < 0.4 && typeof children.at(-1) !== "string";
    children.push(isText ? pick(["one", "two words", "5 < 6 & more"], random) : randomNode(random, depth - 1));
  }
  return { name: pick(NAMES, random), attributes, children };
}

function escape(text: string, random: () => number): string {
  const spell = (named: string, code: number) => pick([`&${named};`, `&#${code};`, `&#x${code.toString(16)};`], random);
  return text.replaceAll("&", () => spell("amp", 38)).replaceAll('"', () => spell("quot", 34))
    .replaceAll("<", () => spell("lt", 60));
}

/** Writes a node with random white space, entities, comments and order of attributes. */
function write(node: Node | string, random: () => number): string {
  const space = () => pick(["", " ", "\n  ", "<!-- note -->"], random);
  if (typeof node === "string") return escape(node, random);
  const attributes = node.attributes.map((each) => ({ each, order: random() })).sort((a, b) => a.order - b.order)
    .map(({ each: [name, value] }) => ` ${name}="${escape(value, random)}"`).join(pick(["", " ", "\n"], random));
  const children = node.children.map((child) => `${space()}${write(child, random)}`).join("");
  return `<${node.name}${attributes}>${children}${space()}</${node.name}>`;
}

/** Changes one attribute, text or element of a node. */
function plant(node: Node, random: () => number): Node {
  const index = Math.floor(random() * node.children.length);
  const child = node.children[index];
  if (child !== undefined && random() < 0.8) {
    const changed = typeof child === "string" ? `${child} planted` : plant(child, random);
    return { ...node, children: node.children.with(index, changed) };
  }
  if (node.attributes.length > 0 && random() < 0.5) {
    const [name, value] = node.attributes[0]!;
    return { ...node, attributes: [[name, `${value}!`], ...node.attributes.slice(1)] };
  }
  return random() < 0.5
    ? { ...node, children: [...node.children, { name: "i", attributes: [], children: ["planted"] }] }
    : { ...node, attributes: [...node.attributes, ["planted", "1"]] };
}

Deno.test("compareMarkup() finds no difference between two spellings of a document, and finds each planted change", () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const document = randomNode(random, 5);
    const text = write(document, random);
    for (const type of ["text/html", "application/xml"]) {
      assertEquals(compare(text, write(document, random), type), [], `seed ${seed}: ${text}`);
      const changed = write(plant(document, random), random);
      assert(compare(text, changed, type).length > 0, `seed ${seed}: ${text}\n${changed}`);
    }
  }
});

Deno.test("compareMarkup() never throws, whatever the text is", () => {
  const PARTS = [
    "<",
    ">",
    "</",
    "/>",
    "<a",
    "<p>",
    "</p>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "<!",
    "=",
    '"',
    "'",
    "&",
    "&#x110000;",
    " ",
    "x",
    "<script>",
    "</script",
    "\0",
    "é",
  ];
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed);
    const text = () => Array.from({ length: Math.floor(random() * 30) }, () => pick(PARTS, random)).join("");
    const [a, b] = [text(), text()];
    compare(a, b, pick(["text/html", "application/xml"], random));
    assertEquals(compare(a, a), []);
  }
});

Deno.test("compareMarkup() shows no secrets of forms, attributes and elements", () => {
  const page = (secret: string) =>
    `<html><body><form><input type="hidden" name="csrf_token" value="${secret}"></form>` +
    `<password>${secret}</password><a href="/x?access_token=${secret}">x</a></body></html>`;
  const differences = compare(page("planted-1-0123456789abcdef"), page("planted-2-0123456789abcdef"));
  assertEquals(differences.map(({ path }) => path), [
    '$.html.body.form.input["@value"]',
    "$.html.body.password",
    '$.html.body.a["@href"]',
  ]);
  assertEquals(JSON.stringify(differences).includes("planted"), false, JSON.stringify(differences, undefined, 1));
});
