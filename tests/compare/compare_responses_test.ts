import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { CapturedOutcome } from "../../src/compare/captured_response.ts";
import { compareResponses } from "../../src/compare/compare_responses.ts";
import type { Difference } from "../../src/compare/difference.ts";
import { CompareRules } from "../../src/compare/rules.ts";
import { sampleOfBody } from "../../src/compare/sample_body.ts";
import { sampleOfPath } from "../../src/compare/sample_text.ts";
import type { Segment } from "../../src/config/body_path.ts";
import type { HeaderLine } from "../../src/config/config.ts";
import { StepBudget } from "../../src/lib/step_budget.ts";
import type { NotComparableReason } from "../../src/observe/not_comparable.ts";
import { capturedResponse, compareRules, compareSettings, type ResponseParts } from "../_support/comparisons.ts";

type Rules = Readonly<Record<string, unknown>>;

function compare(a: ResponseParts, b: ResponseParts, rules: Rules = {}): readonly Difference[] {
  const { differences, notComparable } = compareResponses(
    capturedResponse(a),
    capturedResponse(b),
    compareRules(rules),
  );
  assertEquals(notComparable, undefined);
  return differences;
}

/** Compares without a limit on the work. */
function compareAtLength(a: ResponseParts, b: ResponseParts, rules: Rules = {}): readonly Difference[] {
  return compareResponses(capturedResponse(a), capturedResponse(b), compareRules(rules), new StepBudget()).differences;
}

/** Formats each difference as one line: path, kind, values. */
function summary(differences: readonly Difference[]): string[] {
  return differences.map(({ path, kind, expected, actual }) =>
    [path, kind, expected ?? "-", actual ?? "-"].join(" | ")
  );
}

function compareJson(a: unknown, b: unknown, rules: Rules = {}): string[] {
  const text = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  return summary(compare({ body: text(a) }, { body: text(b) }, rules));
}

/** Too many elements to rank all pairs by similarity. */
const MANY = Array.from({ length: 100 }, (_, id) => ({ id, t: 0, tags: [id, { t: 1, v: [1, 2] }, "x"] }));
const MANY_REVERSED = MANY.map(({ id }) => ({ tags: ["x", { v: [2, 1], t: 3 }, id], t: 4, id })).reverse();

// Columns: title; two documents, as values or as text; rules; differences.
const JSON_CASES: readonly (readonly [title: string, a: unknown, b: unknown, rules: Rules, expected: string[]])[] = [
  ["the order of keys", '{"a":1,"b":2}', '{ "b": 2, "a": 1 }', {}, []],
  ["a value", { a: 1 }, { a: 2 }, {}, ["$.a | changed | 1 | 2"]],
  ["a type", { a: 1 }, { a: "1" }, {}, ['$.a | type | 1 | "1"']],
  ["null and an object", { a: null }, { a: {} }, {}, ["$.a | type | null | {}"]],
  ["an array and an object", { a: [] }, { a: {} }, {}, ["$.a | type | [] | {}"]],
  ["a removed key", { a: 1, b: [1] }, { a: 1 }, {}, ["$.b | removed | [1] | -"]],
  ["an added key", { a: 1 }, { a: 1, b: null }, {}, ["$.b | added | - | null"]],
  ["the root", "1", "[1]", {}, ["$ | type | 1 | [1]"]],
  ["an odd key", { "a b": { "*": 1 } }, { "a b": { "*": 2 } }, {}, ['$["a b"]["*"] | changed | 1 | 2']],
  ["__proto__", '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', {}, ["$.__proto__.a | changed | 1 | 2"]],
  ["an added __proto__", "{}", '{"__proto__":{"a":2}}', {}, ['$.__proto__ | added | - | {"a":2}']],
  ["a removed constructor", '{"constructor":1}', "{}", {}, ["$.constructor | removed | 1 | -"]],
  ["the last of two members with one key", '{"a":1,"a":2}', '{"a":2}', {}, []],
  ["two differing elements with the same path", [{ p: 1 }, { p: 2 }], [{ p: 3 }, { p: 4 }], {}, [
    "$[*].p | changed | 1 | 3",
  ]],
  ["an added first element", { a: [1, 2, 3] }, { a: [0, 1, 2, 3] }, {}, ["$.a[*] | added | - | 0"]],
  ["a removed element", { a: [1, 2, 3] }, { a: [1, 3] }, {}, ["$.a[*] | removed | 2 | -"]],
  ["a removed and a changed element", [1, 2, 3], [1, 5], {}, ["$[*] | changed | 2 | 5"]],
  ["the order of elements", [1, 2], [2, 1], {}, ["$[*] | changed | 1 | 2"]],
  ["the order of elements of unordered arrays", [1, [2, 3]], [[3, 2], 1], { arrays: "unordered" }, []],
  ["the order of elements of one unordered array", { a: [1, 2], b: [1, 2] }, { a: [2, 1], b: [2, 1] }, {
    arrays: "$.a",
  }, [
    "$.b[*] | changed | 1 | 2",
  ]],
  ["the number of equal elements", [1, 1, 2], [1, 2, 2], { arrays: "$" }, ["$[*] | changed | 1 | 2"]],
  ["the most similar element", [{ id: 1, p: 1 }, { id: 2, p: 2 }], [{ id: 2, p: 2 }, { id: 1, p: 9 }, { id: 3 }], {
    arrays: "unordered",
  }, ["$[*].p | changed | 1 | 9", '$[*] | added | - | {"id":3}']],
  ["elements with the same id", [{ id: 1, p: 1 }, { id: 2, p: 2 }], [{ id: 2, p: 9 }, { id: 1, p: 8 }], {
    arrays: "unordered",
  }, ["$[*].p | changed | 1 | 8"]],
  ["many elements in any order, with ignored and nested values", MANY, MANY_REVERSED, {
    arrays: "unordered",
    ignore: "$..t",
  }, []],
  ["ignored parts of elements in any order", [{ t: 1, a: 1 }, { t: 2, a: 2 }], [{ t: 3, a: 2 }, { t: 4, a: 1 }], {
    arrays: "unordered",
    ignore: "$[*].t",
  }, []],
  ["elements in any order within a tolerance", [1, 5], [5.01, 1.01], {
    arrays: "unordered",
    tolerance: { absolute: 0.1 },
  }, []],
  ["spellings of a number", "[1.0, 1e2, -0, 0.10]", "[1, 100, 0, 1e-1]", {}, []],
  ["integers that are equal as doubles", '{"id":9007199254740992}', '{"id":9007199254740993}', {}, [
    "$.id | changed | 9007199254740992 | 9007199254740993",
  ]],
  ["spellings of a large number", "[100000000000000000000, 1e400]", "[1e20, 10e399]", {}, []],
  ["a large number and its neighbour", "[1e20]", "[100000000000000000001]", {}, [
    "$[*] | changed | 100000000000000000000 | 100000000000000000001",
  ]],
  ["numbers beyond the largest double", "1e400", "1e500", {}, ["$ | changed | 1e400 | 1e500"]],
  ["a large number and its text", "12345678901234567890", '"12345678901234567890"', {}, [
    '$ | type | 12345678901234567890 | "12345678901234567890"',
  ]],
  ["a large number with fraction and exponent", "[1234567890.123456789e10]", "[1234567890.123456788e10]", {}, [
    "$[*] | changed | 1234567890.123456789e10 | 1234567890.123456788e10",
  ]],
  ["large numbers by their sign", "[-12345678901234567]", "[12345678901234567]", { tolerance: { absolute: 1 } }, [
    "$[*] | changed | -12345678901234567 | 12345678901234567",
  ]],
  ["a large number within a tolerance", "12345678901234567", "12345678901234569", { tolerance: { absolute: 9 } }, []],
  ["numbers beyond the largest double and a tolerance", "[1, 1e400]", "[1e400, 1e500]", {
    tolerance: { relative: "1%" },
  }, [
    "$[*] | changed | 1 | 1e400",
  ]],
  ["fractions that are equal as doubles", "[0.30000000000000004]", "[0.300000000000000041]", {}, []],
  ["an absolute tolerance", { a: 1, b: 1 }, { a: 1.05, b: 1.2 }, { tolerance: { absolute: 0.1 } }, [
    "$.b | changed | 1 | 1.2",
  ]],
  ["a relative tolerance", [-1000, 1], [-1009, 1.02], { tolerance: { relative: "1%" } }, ["$[*] | changed | 1 | 1.02"]],
  ["a tolerance at one path", { a: 1, b: 1 }, { a: 2, b: 2 }, { tolerance: { absolute: 1, path: "$.a" } }, [
    "$.b | changed | 1 | 2",
  ]],
  ["the first of two tolerances that apply", { a: 1, b: 1 }, { a: 2, b: 2 }, {
    tolerance: [{ absolute: 0, path: "$.a" }, { absolute: 1 }],
  }, ["$.a | changed | 1 | 2"]],
  ["ignored values", { a: 1, m: { x: 1, y: [1] }, i: [{ id: 1 }] }, { a: 1, m: { x: 2, z: 1 }, i: [{ id: 2 }] }, {
    ignore: ["$.m", "$.i[*].id"],
  }, []],
  ["values beside ignored ones", { a: { t: 1, b: { t: 1 } } }, { a: { t: 2, b: { t: 2, n: 1 } } }, {
    ignore: "$..t",
  }, ["$.a.b.n | added | - | 1"]],
  ["texts that are equal after normalisation", { u: "http://a:81/x" }, { u: "http://a:82/x" }, {
    normalise: { pattern: ":\\d+/", replacement: "/" },
  }, []],
  ["texts outside of the path of normalisation", { u: "a1", v: "a1" }, { u: "a2", v: "a2" }, {
    normalise: { pattern: "\\d", path: "$.u" },
  }, [
    '$.v | changed | "a1" | "a2"',
  ]],
  ["long texts that are equal after normalisation", "x".repeat(5_000) + "1", "x".repeat(5_000) + "2", {
    normalise: { pattern: "\\d" },
  }, []],
  ["normalisation with groups", "a=1;b=2", "b=2;a=1", {
    normalise: { pattern: "^(?<first>[^;]*);(a.*)$", replacement: "$2;$<first>" },
  }, []],
  ["normalised texts in any order", ["a1", "b2"], ["b3", "a4"], {
    arrays: "unordered",
    normalise: { pattern: "\\d" },
  }, []],
  ["invalid JSON", "{", "{}", {}, ["body | changed | line 1: { | line 1: {}"]],
  ["a byte order mark", "\ufeff{}", "{ }", {}, []],
];

for (const [title, a, b, rules, expected] of JSON_CASES) {
  Deno.test(`compareResponses() compares JSON: ${title}`, () => assertEquals(compareJson(a, b, rules), expected));
}

// Columns: title; two responses; rules; differences.
type BodyCase = readonly [title: string, a: ResponseParts, b: ResponseParts, rules: Rules, expected: string[]];
const TYPE = "header:content-type";
const BODIES: readonly BodyCase[] = [
  [
    "a suffix",
    { type: "application/problem+json", body: '{"a":1}' },
    {
      type: "application/problem+json; charset=utf-8",
      body: '{"a": 2}',
    },
    { headers: [] },
    ["$.a | changed | 1 | 2"],
  ],
  [
    "lines of JSON",
    { type: "application/x-ndjson", body: '{"a":1}\n{"a":2}\n' },
    {
      type: "application/x-ndjson",
      body: '{"a":1}\r\n\n{"a":3,"b":1}',
    },
    {},
    ["$[*].a | changed | 2 | 3", "$[*].b | added | - | 1"],
  ],
  ["a text", { type: "text/plain", body: "a\nb\nc" }, { type: "text/plain", body: "a\nB\nc" }, {}, [
    "body | changed | line 2: b | line 2: B",
  ]],
  ["a text that ends early", { type: "text/plain", body: "a\nb" }, { type: "text/plain", body: "a" }, {}, [
    "body | changed | line 2: b | no line 2",
  ]],
  ["line ends", { type: "text/plain", body: "a\r\n" }, { type: "text/plain", body: "a\n" }, {}, [
    "body | changed | line 1: a\\u000d | line 1: a",
  ]],
  ["a text after normalisation", { type: "text/plain", body: "at 12:30\nb" }, {
    type: "text/plain",
    body: "at 12:31\nb",
  }, {
    normalise: { pattern: "\\d+:\\d+", path: "body" },
  }, []],
  [
    "white space in HTML",
    { type: "text/html", body: "<p>a\n  b</p>\n<p>c</p>\n" },
    {
      type: "text/html",
      body: "<p>a b</p><p>c</p>",
    },
    {},
    [],
  ],
  [
    "text in HTML",
    { type: "text/html", body: "<p>a</p><p>c</p>" },
    { type: "text/html", body: "<p>a</p><p>d</p>" },
    {},
    [
      "$.p | changed | c | d",
    ],
  ],
  ["XML", { type: "image/svg+xml", body: "<a> <b/></a>" }, { type: "image/svg+xml", body: "<a><b/>\n</a>" }, {}, []],
  [
    "a form",
    { type: "application/x-www-form-urlencoded", body: "a=1&b=2&c=x%20y&d=1&d=2" },
    {
      type: "application/x-www-form-urlencoded",
      body: "b=3&c=x+y&d=2&d=1&e=",
    },
    { ignore: "form:d" },
    ["form:a | removed | 1 | -", "form:b | changed | 2 | 3", "form:e | added | - | "],
  ],
  [
    "a form after normalisation",
    { type: "application/x-www-form-urlencoded", body: "a=1" },
    {
      type: "application/x-www-form-urlencoded",
      body: "a=2",
    },
    { normalise: { pattern: "\\d", path: "form:a" } },
    [],
  ],
  [
    "an image",
    { type: "image/png", body: new Uint8Array([1, 2, 3]) },
    {
      type: "image/png",
      body: new Uint8Array([1, 2, 4, 5]),
    },
    {},
    [
      "body | changed | 3 bytes, different from byte 2 on | 4 bytes, different from byte 2 on",
    ],
  ],
  [
    "a character set",
    { type: "text/plain; charset=iso-8859-1", body: new Uint8Array([0xe9]) },
    {
      type: 'text/plain;charset="UTF-8"',
      body: "é",
    },
    { headers: [] },
    [],
  ],
  [
    "an unknown character set",
    { type: "text/plain; charset=x-odd", body: "a" },
    {
      type: "text/plain; charset=x-odd",
      body: "b",
    },
    {},
    ["body | changed | 1 byte, different from byte 0 on | 1 byte, different from byte 0 on"],
  ],
  [
    "broken UTF-8, byte by byte",
    { type: "text/plain", body: new Uint8Array([0xff]) },
    {
      type: "text/plain",
      body: new Uint8Array([0xfe]),
    },
    {},
    ["body | changed | 1 byte, different from byte 0 on | 1 byte, different from byte 0 on"],
  ],
  ["JSON without a type", { type: null, body: '{"a":1}' }, { type: null, body: '{"a":2}' }, {}, [
    "$.a | changed | 1 | 2",
  ]],
  ["JSON with and without a type", { body: '{"a":1}' }, { type: null, body: '{ "a":2}' }, {}, [
    `${TYPE} | removed | application/json | -`,
    "$.a | changed | 1 | 2",
  ]],
  ["text without a type", { type: null, body: "1" }, { type: null, body: "1.0" }, {}, [
    "body | changed | line 1: 1 | line 1: 1.0",
  ]],
  ["a page instead of JSON", { body: "{}" }, { type: "text/html", body: "<p>" }, {}, [
    `${TYPE} | changed | application/json | text/html`,
    "body | changed | line 1: {} | line 1: <p>",
  ]],
  ["a removed body", { body: "{}" }, {}, {}, ["body | removed | 2 bytes | -"]],
  ["an added body", { body: "" }, { body: "{}" }, {}, ["body | added | - | 2 bytes"]],
  ["two empty bodies", { body: "" }, {}, {}, []],
  ["equal bytes of any content", { type: "image/png", body: "{" }, { type: "image/png", body: "{" }, {}, []],
  ["an ignored body", { body: "{}" }, { type: "image/png", body: "x" }, { ignore: ["body", TYPE] }, []],
];

for (const [title, a, b, rules, expected] of BODIES) {
  Deno.test(`compareResponses() compares bodies: ${title}`, () =>
    assertEquals(summary(compare(a, b, rules)), expected));
}

// Columns: title; captured parts of two bodies; reason if they are not comparable.
const CUT: readonly (readonly [
  title: string,
  a: ResponseParts["captured"],
  b: ResponseParts["captured"],
  reason: NotComparableReason | undefined,
])[] = [
  ["same length and digest", { cut: true, length: 9, digest: "d" }, { cut: true, length: 9, digest: "d" }, undefined],
  ["another digest", { cut: true, length: 9, digest: "d" }, { cut: true, length: 9, digest: "e" }, "too-large"],
  ["another length", { cut: true, length: 9, digest: "d" }, { cut: true, length: 8, digest: "d" }, "too-large"],
  ["no digest", { cut: true, length: 9 }, { cut: true, length: 9 }, "too-large"],
  ["one cut body", { cut: true, cutBy: "undecodable", length: 9, digest: "d" }, { length: 9 }, "undecodable"],
  ["a cut body without bytes", { cut: true, length: 0 }, {}, "too-large"],
  ["no memory", { cut: true, cutBy: "memory", length: 0 }, {}, "memory"],
];

for (const [title, a, b, reason] of CUT) {
  Deno.test(`compareResponses() finds incomplete bodies not comparable: ${title}`, () => {
    const [expected, actual] = [
      capturedResponse({ body: "{}", captured: a! }),
      capturedResponse({ body: "{}", captured: b! }),
    ];
    assertEquals(compareResponses(expected, actual, compareRules()), { differences: [], notComparable: reason });
  });
}

Deno.test("compareResponses() finds a difference if only one body is broken", () => {
  const broken = capturedResponse({
    body: "",
    captured: { bytes: new Uint8Array(), cut: true, cutBy: "undecodable", isBroken: true, length: 9, digest: "d" },
  });
  const whole = capturedResponse({ body: "{}" });
  const [lost, repaired] = [
    compareResponses(whole, broken, compareRules()),
    compareResponses(broken, whole, compareRules()),
  ];
  assertEquals(lost.differences, [
    { path: "body", kind: "changed", expected: "2 bytes", actual: "9 bytes that cannot be decoded" },
  ]);
  assertEquals(repaired.differences.map(({ path }) => path), ["body"]);
  const other = capturedResponse({
    body: "",
    captured: { bytes: new Uint8Array(), cut: true, cutBy: "undecodable", isBroken: true, length: 8, digest: "e" },
  });
  assertEquals(compareResponses(broken, other, compareRules()), { differences: [], notComparable: "undecodable" });
});

Deno.test("compareResponses() does not match the same encoded bytes in different codings", () => {
  const captured = { cut: true, cutBy: "undecodable", length: 9, digest: "d" } as const;
  const [one, same, other] = ["zstd", "ZSTD", "aws-chunked"].map((coding) =>
    capturedResponse({ body: "", captured, headers: [["Content-Encoding", coding]] })
  );
  assertEquals(compareResponses(one!, same!, compareRules()), { differences: [], notComparable: undefined });
  assertEquals(compareResponses(one!, other!, compareRules()), { differences: [], notComparable: "undecodable" });
});

Deno.test("compareResponses() reports only a different status if the bodies are not comparable", () => {
  const cut = { cut: true, length: 9 };
  const expected = capturedResponse({ body: "{}", captured: cut, headers: [["Location", "/a"]] });
  const actual = capturedResponse({ status: 500, body: "{}", captured: cut, headers: [["Location", "/b"]] });
  const { differences, notComparable } = compareResponses(expected, actual, compareRules());
  assertEquals(summary(differences), ["status | changed | 200 | 500"]);
  assertEquals(notComparable, undefined);
});

// Columns: title; header lines of two responses; rules; differences.
const HEADERS: readonly (readonly [
  title: string,
  a: readonly HeaderLine[],
  b: readonly HeaderLine[],
  rules: Rules,
  expected: string[],
])[] = [
  ["a field that is not compared", [["Date", "a"]], [["Date", "b"]], {}, []],
  ["a field that is compared", [["Date", "a"]], [["DATE", "b"]], { headers: ["Date"] }, [
    "header:date | changed | a | b",
  ]],
  ["a removed field", [["Location", "/a"]], [], {}, ["header:location | removed | /a | -"]],
  ["an added field", [], [["location", ""]], {}, ["header:location | added | - | "]],
  ["an ignored field", [["x-a", "1"]], [], { headers: ["x-a"], ignore: "header:x-*" }, []],
  ["several lines", [["vary", "a"], ["Vary", "b"]], [["vary", "a, b"]], { headers: "vary" }, []],
  [
    "directives in another order",
    [["cache-control", "max-age=1, private"]],
    [["cache-control", "Private,max-age=1"]],
    {},
    [],
  ],
  ["names of cookies", [["set-cookie", "a=1; Path=/"], ["set-cookie", "b=2"]], [["set-cookie", "b=3"]], {}, [
    "header:set-cookie | changed | a, b | b",
  ]],
  [
    "values of cookies",
    [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
    [["set-cookie", "b=3"], ["set-cookie", "a=4"]],
    {},
    [],
  ],
  ["a field after normalisation", [["location", "http://a:1/"]], [["location", "http://a:2/"]], {
    normalise: { pattern: ":\\d+", path: "header:location" },
  }, []],
];

for (const [title, a, b, rules, expected] of HEADERS) {
  Deno.test(`compareResponses() compares header fields: ${title}`, () => {
    assertEquals(summary(compare({ headers: a }, { headers: b }, rules)), expected);
  });
}

Deno.test("compareResponses() ignores case and spaces in content types", () => {
  assertEquals(compare({ type: "text/html;charset=UTF-8" }, { type: "text/HTML; charset=utf-8" }), []);
});

Deno.test("compareResponses() compares the status", () => {
  assertEquals(summary(compare({ status: 200 }, { status: 201 })), ["status | changed | 200 | 201"]);
  assertEquals(compare({ status: 200 }, { status: 201 }, { ignore: "status" }), []);
});

Deno.test("compareResponses() compares failures as outcomes", () => {
  const late: CapturedOutcome = { ok: false, kind: "timeout", durationMs: 1 };
  const gone: CapturedOutcome = { ok: false, kind: "reset", durationMs: 1 };
  const rules = compareRules();
  assertEquals(summary(compareResponses(capturedResponse({}), late, rules).differences), [
    "outcome | changed | response 200 | timeout",
  ]);
  assertEquals(summary(compareResponses(late, gone, rules).differences), ["outcome | changed | timeout | reset"]);
  assertEquals(compareResponses(late, late, rules).differences, []);
  assertEquals(compareResponses(capturedResponse({}), late, compareRules({ ignore: "outcome" })).differences, []);
});

Deno.test("compareResponses() takes no samples with `samples: none`", () => {
  assertEquals(compare({ status: 200, body: "[1]" }, { status: 201, body: "[2]" }, { samples: "none" }), [
    { path: "status", kind: "changed" },
    { path: "$[*]", kind: "changed" },
  ]);
});

Deno.test("compareResponses() limits samples, keys and the number of differences", () => {
  const object = (value: number) =>
    Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`k${index}`, value]));
  const many = compareJson(object(1), object(2));
  assertEquals(many.length, 1_001);
  assertEquals(many.at(-1), "$.… | changed | - | -");
  const [long] = compare({ body: JSON.stringify({ ["k".repeat(500)]: "x".repeat(5_000) }) }, { body: "{}" });
  assert(long!.expected!.length <= 201, long!.expected);
  assertEquals(long!.path, `$["${"k".repeat(100)}…"]`);
});

Deno.test("compareResponses() finds differences at any depth without overflowing the stack", () => {
  const nested = (depth: number, core: string) => `${'{"a":['.repeat(depth)}${core}${"]}".repeat(depth)}`;
  const deep = compareAtLength({ body: nested(20_000, "1") }, { body: nested(20_000, "2") });
  assertEquals(deep.map(({ path }) => path), [`$${".a[*]".repeat(50)}`]);
  assertEquals(compareAtLength({ body: nested(20_000, "1") }, { body: nested(20_000, " 1") }), []);
  assertEquals(
    compareAtLength({ body: nested(20_000, "1") }, { body: nested(20_000, " 1") }, { arrays: "unordered" }),
    [],
  );
  const large = compareAtLength({ body: nested(20_000, "12345678901234567890") }, {
    body: nested(20_000, "12345678901234567891"),
  });
  assertEquals(large.map(({ path }) => path), ["body"]);
});

Deno.test("compareResponses() visits each element a few times only, however many differ", () => {
  const body = (from: number) => JSON.stringify(Array.from({ length: 50_000 }, (_, index) => ({ id: from + index })));
  for (const arrays of ["ordered", "unordered"]) {
    const differences = compareAtLength({ body: body(0) }, { body: body(100_000) }, { arrays });
    assertEquals(differences.map(({ path }) => path), ["$[*].id"]);
  }
});

/** Counts the visited arrays. */
class CountingRules extends CompareRules {
  arrays = 0;

  override isUnordered(segments: readonly Segment[]): boolean {
    this.arrays++;
    return super.isUnordered(segments);
  }
}

Deno.test("compareResponses() does not double its work at each level of nested arrays", () => {
  const nested = (end: string) => `${`[${"1,".repeat(100)}`.repeat(99)}1${end.repeat(99)}`;
  for (const compare of [{}, { arrays: "unordered" }, { arrays: "unordered", tolerance: { absolute: 0.1 } }]) {
    const rules = new CountingRules(compareSettings(compare), { key: [1, 2] });
    const { differences } = compareResponses(
      capturedResponse({ body: nested(",1]") }),
      capturedResponse({ body: nested(",1,2]") }),
      rules,
    );
    assertEquals(differences.length, 99);
    assert(rules.arrays < 2_000, `${JSON.stringify(compare)}: ${rules.arrays}`);
  }
});

Deno.test("compareResponses() pairs many elements within a tolerance in any order", () => {
  const body = (by: number) =>
    JSON.stringify(Array.from({ length: 100 }, (_, index) => ({ id: `${index}`, n: index * 10 + by })));
  const reversed = (by: number) => JSON.stringify((JSON.parse(body(by)) as unknown[]).reverse());
  const rules = { arrays: "unordered", tolerance: { absolute: 1, path: "$[*].n" } };
  assertEquals(compare({ body: body(0) }, { body: reversed(0.5) }, rules), []);
  assertGreater(compare({ body: body(0) }, { body: reversed(1.5) }, rules).length, 0);
});

Deno.test("compareResponses() applies a tolerance only at its path", () => {
  const rules = { arrays: "unordered", tolerance: { absolute: 1, path: "$.near" } };
  const [expected, actual] = [{ near: [1, 5], far: [1, 5] }, { near: [5.5, 1.5], far: [5.5, 1.5] }];
  assertEquals(compareJson(expected, actual, rules).map((line) => line.split(" ")[0]), ["$.far[*]"]);
});

// Columns: title; two responses; rules; the secret, which samples must not show.
const SECRETS: readonly (readonly [title: string, a: ResponseParts, b: ResponseParts, rules: Rules, secret: RegExp])[] =
  [
    [
      "a password",
      { body: '{"user":{"password":"hunter2"}}' },
      { body: '{"user":{"password":"hunter3"}}' },
      {},
      /hunter/,
    ],
    ["an API key in a new object", { body: "{}" }, { body: '{"a":{"x-api-key":"hunter2","n":1}}' }, {}, /hunter/],
    [
      "values inside a secret",
      { body: '{"credentials":{"a":["hunter2"]}}' },
      { body: '{"credentials":{"a":["hunter3"]}}' },
      {},
      /hunter/,
    ],
    [
      "a value at a configured path",
      { body: '{"a":{"b":"hunter2"}}' },
      { body: '{"a":{"b":"hunter3"}}' },
      { redact: "$.a" },
      /hunter/,
    ],
    ["a part of a new object", { body: "{}" }, { body: '{"a":{"b":"hunter2"}}' }, { redact: "$.a.b" }, /hunter/],
    ["a header field", { headers: [["x-a", "hunter2"]] }, { headers: [["x-a", "hunter3"]] }, {
      headers: "x-a",
      redact: "header:x-a",
    }, /hunter/],
    [
      "a header field by its name",
      { headers: [["x-auth-token", "hunter2"]] },
      {},
      { headers: "x-auth-token" },
      /hunter/,
    ],
    ["a token in a location", { headers: [["location", "/a?access_token=hunter2&b=1"]] }, {}, {}, /hunter/],
    [
      "a form field",
      { type: "application/x-www-form-urlencoded", body: "pin=1234" },
      {
        type: "application/x-www-form-urlencoded",
        body: "pin=4321",
      },
      {},
      /1234|4321/,
    ],
    [
      "a token in a text",
      { type: "text/plain", body: "Authorization: Bearer hunter2hunter2" },
      {
        type: "text/plain",
        body: "Authorization: Bearer hunter3hunter3",
      },
      {},
      /hunter/,
    ],
    [
      "a token far into a line",
      { type: "text/plain", body: `${"x".repeat(300)} token=hunter2${"y".repeat(80)}1` },
      {
        type: "text/plain",
        body: `${"x".repeat(300)} token=hunter2${"y".repeat(80)}2`,
      },
      {},
      /hunter|yyy/,
    ],
    ["a JSON Web Token", { body: '["eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl"]' }, { body: "[]" }, {}, /eyJ|c2lnb/],
    ["a password in an address", { headers: [["location", "https://jo:hunter2@host/"]] }, {}, {}, /hunter/],
    [
      "whole bodies",
      { type: "text/plain", body: "hunter2" },
      { type: "text/plain", body: "hunter3" },
      { redact: "body" },
      /hunter/,
    ],
    [
      "a value whose name is in another member",
      { body: '{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"A","value":"b"}]}' },
      { body: '{"env":[{"name":"DB_PASSWORD","value":"hunter3"},{"name":"A","value":"b"}]}' },
      {},
      /hunter/,
    ],
    [
      "values whose names are in another member, of a new object",
      { body: "{}" },
      { body: '{"a":{"field":"apiKey","values":["hunter2",{"x":"hunter3"}]}}' },
      {},
      /hunter/,
    ],
    [
      "a private JSON Web Key that differs",
      { body: '{"items":[{"kty":"EC","x":"a","d":"hunter2"}]}' },
      { body: '{"items":[{"kty":"EC","x":"a","d":"hunter3"}]}' },
      {},
      /hunter/,
    ],
    [
      "a symmetric JSON Web Key that is removed",
      { body: '{"kty":"oct","k":"hunter2"}' },
      { body: '{"kty":"oct"}' },
      {},
      /hunter/,
    ],
    [
      "a private JSON Web Key that is added",
      { body: '{"kty":"RSA"}' },
      { body: '{"kty":"RSA","d":"hunter2"}' },
      {},
      /hunter/,
    ],
    [
      "a private JSON Web Key in a new object",
      { body: "{}" },
      { body: '{"a":{"kty":"RSA","qi":"hunter2"}}' },
      {},
      /hunter/,
    ],
    [
      "a part of a private JSON Web Key",
      { body: '{"kty":"RSA","oth":[{"r":"hunter2","t":1}]}' },
      { body: '{"kty":"RSA","oth":[{"r":"hunter3","t":1}]}' },
      {},
      /hunter/,
    ],
    [
      "a private JSON Web Key in an unordered array",
      { body: '[{"kty":"EC","d":"hunter2"},{"a":1}]' },
      { body: '[{"a":1},{"kty":"EC","d":"hunter3"}]' },
      { arrays: "unordered" },
      /hunter/,
    ],
    ["JSON as whole bodies", { body: '["hunter2"]' }, { body: '["hunter3"]' }, { redact: "body" }, /hunter/],
  ];

for (const [title, a, b, rules, secret] of SECRETS) {
  Deno.test(`samples do not show ${title}`, () => {
    const text = JSON.stringify(compare(a, b, rules));
    assert(!secret.test(text), text);
    assertMatch(text, /\[redacted [0-9a-f]{4}\]/);
  });
}

Deno.test("samples show members with the names of private keys in objects without kty", () => {
  const members = { d: 1, dp: 1, dq: 1, k: 1, oth: 1, p: 1, q: 1, qi: 1 };
  const text = JSON.stringify(
    compare({ body: JSON.stringify(members) }, { body: JSON.stringify({ ...members, d: "x", k: "y" }) }),
  );
  assert(!text.includes("redacted"), text);
});

Deno.test("samples show the public members of a JSON Web Key", () => {
  const text = JSON.stringify(
    compare({ body: '{"kty":"EC","x":"shown","d":"a"}' }, { body: '{"kty":"EC","x":"other","d":"b"}' }),
  );
  assertMatch(text, /shown/);
});

Deno.test("samples have different marks for different secrets, and the same mark for the same secret", () => {
  const [first] = compare({ body: '{"token":"a"}' }, { body: '{"token":"b"}' });
  const [second] = compare({ body: '{"token":"a"}' }, { body: '{"token":"c"}' });
  assert(first!.expected !== first!.actual);
  assertEquals(first!.expected, second!.expected);
});

Deno.test("samples show values whose names merely resemble those of secrets", () => {
  assertEquals(compareJson({ compass: 1, span: 1, tokens: 1 }, { compass: 2, span: 2, tokens: 2 }).length, 3);
  assert(!JSON.stringify(compareJson({ compass: 1, span: 1 }, { compass: 2, span: 2 })).includes("redacted"));
});

// Columns: title; a response; rules; sample of its body.
const SAMPLED: readonly (readonly [title: string, parts: ResponseParts, rules: Rules, expected: RegExp])[] = [
  [
    "JSON",
    { body: '{ "a": [1, {"password": "hunter2"}] }' },
    {},
    /^\{"a":\[1,\{"password":"\[redacted [0-9a-f]{4}\]"\}\]\}$/,
  ],
  [
    "a JSON Web Key",
    { body: '{"kty":"RSA","n":"abc","d":"hunter2","p":"hunter2"}' },
    {},
    /^\{"kty":"RSA","n":"abc","d":"\[redacted .{4}\]","p":"\[redacted .{4}\]"\}$/,
  ],
  [
    "JSON with a part that is hidden",
    { body: '{"a":{"b":1},"c":2}' },
    { redact: "$.a" },
    /^\{"a":"\[redacted .{4}\]","c":2\}$/,
  ],
  ["lines of JSON", { type: "application/x-ndjson", body: "1\n2\n" }, {}, /^\[1,2\]$/],
  ["a form", { type: "application/x-www-form-urlencoded", body: "a=b&pin=1234" }, {}, /^a=b&pin=\[redacted .{4}\]$/],
  ["text", { type: "text/plain", body: "token: hunter2" }, {}, /^token: \[redacted .{4}\]$/],
  ["a large text", { type: "text/plain", body: "x".repeat(5_000) }, {}, /^x{2048}…$/],
  ["a hidden body", { body: "[1]" }, { redact: "body" }, /^\[redacted .{4}\]$/],
  ["an image", { type: "image/png", body: "abc" }, {}, /^3 bytes$/],
  [
    "a cut body",
    { body: "[1", captured: { cut: true, length: 9, digest: "d" } },
    {},
    /^9 bytes \(too-large\), digest d$/,
  ],
  ["very deep JSON", { body: `${"[".repeat(5_000)}1${"]".repeat(5_000)}` }, {}, /^\[{200}…\]{200}$/],
];

for (const [title, parts, rules, expected] of SAMPLED) {
  Deno.test(`sampleOfBody() shows ${title}`, () => {
    const { response } = capturedResponse(parts) as Extract<CapturedOutcome, { ok: true }>;
    assertMatch(sampleOfBody(response, compareRules(rules)) ?? "", expected);
  });
}

Deno.test("sampleOfPath() hides the segment after the name of a secret", () => {
  const { redactor } = compareRules();
  assertMatch(
    sampleOfPath("/users/7/reset-token/8c6e01", redactor),
    /^\/users\/7\/reset-token\/\[redacted [0-9a-f]{4}\]$/,
  );
  for (const path of ["/token/refresh", "/oauth/token", "/users/12345", "/"]) {
    assertEquals(sampleOfPath(path, redactor), path);
  }
});

Deno.test("compareResponses() never reports a match if patterns need too many steps", () => {
  const rules = compareRules({ normalise: { pattern: "a.*b|a" } });
  // Each match looks ahead to the end of the line.
  const text = "a".repeat(20_000);
  for (const type of ["text/plain", "application/json"]) {
    const [expected, actual] = ["", "c"].map((end) => capturedResponse({ type, body: JSON.stringify(text + end) }));
    assertEquals(compareResponses(expected!, actual!, rules), { differences: [], notComparable: "costly" });
  }
  const [next, nextActual] = ["1", "2"].map((body) => capturedResponse({ type: "text/plain", body }));
  assertEquals(
    compareResponses(next!, nextActual!, rules).differences.map(({ expected }) => expected),
    ["line 1: 1"],
    "the next comparison has its own steps",
  );
});
