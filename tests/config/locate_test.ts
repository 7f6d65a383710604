import { assert, assertEquals, equal } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { stringify } from "@std/yaml/stringify";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { childPath } from "../../src/config/schema/describe.ts";
import { locateYaml } from "../../src/config/read/locate.ts";
import { scanJson } from "../../src/config/read/parse_json.ts";

/** Returns every path in a value with the value there. */
function* pathsOf(value: unknown, path = ""): Iterable<[string, unknown]> {
  if (path !== "") yield [path, value];
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* pathsOf(item, childPath(path, index));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* pathsOf(item, childPath(path, key));
  }
}

const MARK = "MARKED";

/** Asserts that each path is in the document, and that a scalar put on its line turns up at that path. */
function assertTrue(text: string, lines: ReadonlyMap<string, number>) {
  const values = new Map(pathsOf(parse(text, { schema: "core" })));
  const texts = text.split("\n");
  for (const [path, line] of lines) {
    assert(values.has(path), `${path} is not in\n${text}`);
    const value = values.get(path);
    if (typeof value === "object" && value !== null) continue;
    const marked = texts[line - 1]!.replace(/^((?:\s|- )*(?:["']?[\w.-]+["']?\s*:\s+|- ))[\w.]+$/, `$1${MARK}`);
    if (marked === texts[line - 1]) continue;
    const again = parse(texts.with(line - 1, marked).join("\n"), { schema: "core" });
    const found = String(new Map(pathsOf(again)).get(path));
    assert(found.startsWith(MARK), `${path} is not on line ${line} of\n${text}`);
  }
}

function tryParse(text: string): unknown {
  try {
    return parse(text, { schema: "core" });
  } catch {
    return undefined;
  }
}

const KEY = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,6}$/);
const SCALAR = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.stringMatching(/^[a-z:#"' -]{0,12}$/),
  fc.constantFrom("a\nb\n", "x: y", "- x", "# x", "\n", "*a", "&a", "[x", "{", "a #b", "'", '"', "long ".repeat(30)),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    SCALAR,
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(KEY, tie("tree"), { maxKeys: 4 }),
  ),
}));
const DOCUMENT = fc.dictionary(KEY, tree, { maxKeys: 5 });

Deno.test("locateYaml() never returns a wrong line for any document", () => {
  fc.assert(fc.property(DOCUMENT, fc.boolean(), fc.integer({ min: 1, max: 4 }), (value, arrayIndent, indent) => {
    const text = stringify(value, { arrayIndent, indent, useAnchors: false, lineWidth: 40 });
    // Without arrayIndent, the writer produces some wrong nested lists.
    fc.pre(equal(tryParse(text), value));
    assertTrue(text, locateYaml(text).lines);
  }));
});

const SAMPLE = Deno.readTextFileSync("examples/config.yaml");
const SNIPPET = fc.constantFrom(
  ..."&a |*a|<<: *a|- |- - |? |: |[|]|{|}|'|\"|#|\n|\n  |\n    |---\n|!!str | >\n| |-\n|a: |a:\n|x\n  y|, ".split("|"),
  " |\n",
);
const EDITS = fc.array(fc.tuple(fc.nat(SAMPLE.length), fc.nat(8), SNIPPET), { minLength: 1, maxLength: 6 });

Deno.test("locateYaml() never returns a wrong line for a corrupted file", () => {
  fc.assert(
    fc.property(EDITS, (edits) => {
      const text = edits.reduce((text, [at, over, piece]) => text.slice(0, at) + piece + text.slice(at + over), SAMPLE);
      const value = tryParse(text);
      fc.pre(typeof value === "object" && value !== null);
      assertTrue(text, locateYaml(text).lines);
    }),
    { numRuns: 300 },
  );
});

Deno.test("locateYaml() finds every value of a file in plain block style", () => {
  const plain = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.integer(),
      fc.array(tie("tree"), { minLength: 1 }),
      fc.dictionary(KEY, tie("tree"), { minKeys: 1 }),
    ),
  })).tree;
  fc.assert(fc.property(fc.dictionary(KEY, plain), (value) => {
    const text = stringify(value, { useAnchors: false });
    const { lines } = locateYaml(text);
    for (const [path] of pathsOf(value)) assert(lines.has(path), `${path} is not found in\n${text}`);
  }));
});

Deno.test("scanJson() finds the line of every value", () => {
  fc.assert(fc.property(fc.dictionary(KEY, tree), (value) => {
    const text = JSON.stringify(value, null, 1);
    const { lines, duplicates } = scanJson(text);
    assertEquals(duplicates, []);
    assertEquals([...lines.keys()].toSorted(), [...pathsOf(value)].map(([path]) => path).toSorted());
    // With an indentation of 1, JSON has the line breaks of block style.
    const texts = text.split("\n");
    for (const [path, line] of lines) {
      const key = /\.?([\w-]+)$/.exec(path)?.[1];
      if (key !== undefined) assert(texts[line - 1]!.trim().startsWith(`"${key}":`), `${path} is not on line ${line}`);
    }
  }));
});

/** Ambiguous documents, and the lines that are certain. */
const DOCUMENTS: [text: string, lines: Record<string, number>][] = [
  ["# c\n\n---\na: 1\n\n  # c\nb: 2 # c\n", { a: 4, b: 7 }],
  ["a:\n- 1\n- b: 2\n  c: 3\n-\n  d: 4\ne: 5\n", {
    a: 1,
    "a[0]": 2,
    "a[1]": 3,
    "a[1].b": 3,
    "a[1].c": 4,
    "a[2]": 5,
    "a[2].d": 6,
    e: 7,
  }],
  ["a:\n  - - 1\n    - b: 2\n  - 3\n", { a: 1, "a[0]": 2, "a[0][0]": 2, "a[0][1]": 3, "a[0][1].b": 3, "a[1]": 4 }],
  ["a: |\n  b: 1\n\n  c: 2\nd: >-\n   e: 1\nf: 3\n", { a: 1, d: 5, f: 7 }],
  ["a: x\n  b\n  c\nd:\n  x\n  y\ne: 1\n", { a: 1, d: 4, e: 7 }],
  ["a: [x,\n  b]\nc: 1\n", { a: 1 }],
  ["a: {b: [1, 2]} # c\nc: 1\n", { a: 1, c: 2 }],
  ['a: "x\n  b: 1"\nc: 1\n', { a: 1 }],
  ["a: \"x\\\" # y\" # c\nb: 'it''s: x'\nc: 1\n", { a: 1, b: 2, c: 3 }],
  ["a: &x\n  b: 1\nc: *x\nd:\n  <<: *x\n  e: 1\n", { a: 1, "a.b": 2, c: 3, d: 4, 'd["<<"]': 5, "d.e": 6 }],
  ["a: &x 1\nb: !!str 2\nc: &y [1]\n", { a: 1, b: 2, c: 3 }],
  ["? a\n: 1\nb: 2\n", {}],
  ["a: 1\n? [b]\n: 2\nc: 3\n", { a: 1 }],
  ['\'a\': 1\n"b" : 2\n"c\\n": 3\nd: 4\n', { a: 1, b: 2 }],
  ["a: 1\nhttp://x: 2\nb: 3\n", { a: 1 }],
  ["a:\nhttp://x:\n  b: 3\n", { a: 1 }],
  ["- a: 1\n- b\n", { "[0]": 1, "[0].a": 1, "[1]": 2 }],
  ["a: 'x: y'\nb: x#y\nc: -1\nd: - \n", { a: 1, b: 2, c: 3, d: 4 }],
];

Deno.test("locateYaml() stops at ambiguous lines", () => {
  for (const [text, lines] of DOCUMENTS) assertEquals(Object.fromEntries(locateYaml(text).lines), lines, text);
});

Deno.test("locateYaml() distinguishes tabs that indent from other tabs", () => {
  const cases: [string, number | undefined][] = [
    ["a:\n\tb: 1\n", 2],
    ["a:\n  - b\n \t- c\n", 3],
    ["a:\tb\n\t\n\t# c\nd: |\n  \tx\n\ne: [\n\tx]\n", undefined],
    ['{\n\t"a": 1\n}', undefined],
  ];
  for (const [text, line] of cases) assertEquals(locateYaml(text).tabLine, line, text);
});
