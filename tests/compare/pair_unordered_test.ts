import { assertEquals, assertLess } from "@std/assert";
import { compareResponses, MAX_COMPARISON_STEPS } from "../../src/compare/compare_responses.ts";
import { StepBudget } from "../../src/lib/step_budget.ts";
import { capturedResponse, compareRules } from "../_support/comparisons.ts";

type Element = Readonly<Record<string, unknown>>;

const UNORDERED = { arrays: "unordered" };

function compare(expected: unknown, actual: unknown, rules: Element = UNORDERED) {
  const response = (value: unknown) => capturedResponse({ body: JSON.stringify(value) });
  const { differences, notComparable } = compareResponses(response(expected), response(actual), compareRules(rules));
  return notComparable ?? differences.map(({ path, kind }) => `${path} ${kind}`);
}

function list(length: number, element: (index: number) => unknown): unknown[] {
  return Array.from({ length }, (_, index) => element(index));
}

/** Returns the elements in another order, which is the same in all runs. */
function shuffled(elements: readonly unknown[]): unknown[] {
  return elements.map((element, index) => ({ element, order: (index * 7_919) % elements.length }))
    .sort((a, b) => a.order - b.order)
    .map(({ element }) => element);
}

for (const length of [20, 100, 1_000]) {
  const prices = list(length, (id) => ({ id, name: `Product ${id}`, price: id % 7, at: `t${id}` }));
  const wrong = shuffled(list(length, (id) => ({ id, name: `Product ${id}`, price: (id % 7) + 1, at: `u${id}` })));

  Deno.test(`unordered arrays: ${length} elements with another price differ in the price, and only there`, () => {
    assertEquals(compare(prices, wrong, { ...UNORDERED, ignore: "$[*].at" }), ["$[*].price changed"]);
  });

  Deno.test(`unordered arrays: ${length} elements in another order differ only in a time stamp`, () => {
    const other = shuffled(list(length, (id) => ({ id, name: `Product ${id}`, price: id % 7, at: `u${id}` })));
    assertEquals(compare(prices, other), ["$[*].at changed"]);
  });

  Deno.test(`unordered arrays: ${length} numbers and elements within a tolerance match`, () => {
    const rules = { ...UNORDERED, tolerance: { absolute: 0.01 } };
    assertEquals(compare(list(length, (id) => id), shuffled(list(length, (id) => id + 0.005)), rules), []);
    const points = (by: number) => list(length, (id) => ({ x: id + by, y: -id - by }));
    assertEquals(compare(points(0), shuffled(points(0.005)), rules), []);
    assertEquals(compare(points(0), shuffled(points(0.005)).slice(1), rules), ["$[*] removed"]);
  });
}

Deno.test("unordered arrays: the identity may be a member of a member, and a changed type of it is a difference", () => {
  const edges = (idOf: (id: number) => unknown) =>
    list(300, (id) => ({ cursor: "same", node: { id: idOf(id), title: `Title ${id % 5}` } }));
  assertEquals(compare(edges(Number), shuffled(edges(String))), ["$[*].node.id type"]);
});

Deno.test("unordered arrays: a configured key pairs the elements, also a composite one", () => {
  const rows = (price: number) => list(200, (id) => ({ shop: id % 10, no: Math.floor(id / 10), price: price + id }));
  const other = shuffled(rows(1_000));
  assertEquals(compare(rows(0), other, { arrays: { $: { key: ["shop", "no"] } } }), ["$[*].price changed"]);
});

Deno.test("unordered arrays: elements whose identity the other array lacks are removed or added", () => {
  const items = list(200, (id) => ({ id, kind: id % 3 }));
  assertEquals(compare(items, shuffled(items.slice(0, 150))), ["$[*] removed"]);
  assertEquals(compare(items.slice(50), shuffled(items)), ["$[*] added"]);
  assertEquals(compare(items.slice(20), shuffled(items.slice(0, 150))), ["$[*] removed"]);
});

Deno.test("unordered arrays: an ignored member is no identity", () => {
  const items = (by: number) => list(150, (id) => ({ id: (id + by) % 150, name: `Name ${id}`, stock: id % 4 }));
  assertEquals(compare(items(0), shuffled(items(70)), { ...UNORDERED, ignore: "$[*].id" }), []);
});

Deno.test("unordered arrays: a rank is no identity if the elements it pairs differ everywhere else", () => {
  const items = list(120, (id) => ({ id: `p${id}`, name: `Name ${id}`, stock: id }));
  const ranked = (elements: readonly unknown[]) => elements.map((element, rank) => ({ rank, ...element as Element }));
  assertEquals(compare(ranked(items), ranked(shuffled(items))), ["$[*].rank changed"]);
});

Deno.test("unordered arrays: elements that share nothing differ in every member, whatever their number", () => {
  const items = (by: number) => list(500, (id) => ({ price: id + by, weight: id - by - 1_000_000 }));
  assertEquals(compare(items(0), items(1_000)), ["$[*].price changed", "$[*].weight changed"]);
});

Deno.test("unordered arrays: too many elements that are alike are not comparable", () => {
  const items = (by: number, length: number) =>
    list(length, (id) => ({ state: id % 2 === 0 ? "open" : "closed", price: id + by }));
  assertEquals(compare(items(0, 100), shuffled(items(1_000, 100))), ["$[*].price changed"]);
  assertEquals(compare(items(0, 101), shuffled(items(1_000, 101))), "array-too-long");
});

Deno.test("unordered arrays: ten times the elements take at most 14 times the steps", () => {
  const stepsFor = (length: number) => {
    const items = (by: number) => list(length, (id) => ({ id, p: id + by, n: `n${id}`, t: id % 7 }));
    const response = (value: unknown) => capturedResponse({ body: JSON.stringify(value) });
    const steps = new StepBudget(1e12);
    compareResponses(response(items(0)), response(shuffled(items(1))), compareRules(UNORDERED), steps);
    return 1e12 - steps.left;
  };
  assertLess(stepsFor(10_000) / stepsFor(1_000), 14);
  assertLess(stepsFor(1_000), MAX_COMPARISON_STEPS / 3);
});
