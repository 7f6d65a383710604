/** What it costs to compare two answers of 2 KB. */

import { compareResponses } from "../../src/compare/compare_responses.ts";
import { decodeBody } from "../../src/compare/decode_body.ts";
import type { CapturedOutcome } from "../../src/compare/response.ts";
import { EndpointNames } from "../../src/compare/endpoint.ts";
import { answer, compareRules } from "../_support/captured.ts";

const ITEMS = Array.from({ length: 16 }, (_, id) => ({
  id,
  name: `an item with a name ${id}`,
  price: 12.5 + id,
  tags: ["new", "red"],
  stock: { here: id, there: null },
}));

function page(more: Readonly<Record<string, unknown>> = {}, space?: number): CapturedOutcome {
  return answer({
    body: JSON.stringify({ items: ITEMS, total: 16, next: "/items?page=2", ...more }, undefined, space),
  });
}

const RULES = compareRules();
const MANY_RULES = compareRules({
  ignore: ["$..updatedAt", "$.items[*].id", "$.meta.*"],
  normalise: { pattern: "\\d{2}:\\d{2}" },
  tolerance: { relative: "1%" },
});
const UNORDERED = compareRules({ arrays: "unordered" });
const one = page();

// Columns: what is compared; the other answer; the rules.
const CASES: readonly (readonly [title: string, other: CapturedOutcome, rules: typeof RULES])[] = [
  ["equal bytes", page(), RULES],
  ["equal values in other words", page({}, 1), RULES],
  ["one value that differs", page({ total: 17 }), RULES],
  ["one value that differs, many rules", page({ total: 18 }), MANY_RULES],
  ["arrays in any order", page({ items: ITEMS.toReversed() }), UNORDERED],
  [
    "all values in any order, none the same",
    page({ items: ITEMS.map((item) => ({ ...item, price: 1, id: -1 })) }),
    UNORDERED,
  ],
];

for (const [title, other, rules] of CASES) {
  Deno.bench(`compareAnswers() of 2 KB: ${title}`, { group: "compare" }, () => {
    compareResponses(one, other, rules);
  });
}

const names = new EndpointNames();
Deno.bench("nameOf() of a path with an id", { group: "endpoint" }, () => {
  names.nameOf("GET", "/api/users/42/orders/3f2504e0-4f89-11d3-9a0c-0305e82c3301");
});

const coded = await gzipped(one);
Deno.bench("decodeBody() of 2 KB in gzip", { group: "decode" }, async () => {
  await decodeBody(coded, [["content-encoding", "gzip"]], 262_144);
});

async function gzipped(answer: CapturedOutcome) {
  const bytes = answer.ok ? answer.response.body!.bytes : new Uint8Array();
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return { bytes: packed, length: packed.length, cut: false };
}
