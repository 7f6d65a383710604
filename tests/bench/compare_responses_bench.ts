/** Cost of a comparison of two responses of 2 KB. */

import { compareResponses } from "../../src/compare/compare_responses.ts";
import { decodeBody } from "../../src/compare/decode_body.ts";
import type { CapturedOutcome } from "../../src/compare/captured_response.ts";
import { EndpointNames } from "../../src/compare/endpoint_names.ts";
import { capturedResponse, compareRules } from "../_support/comparisons.ts";

const ITEMS = Array.from({ length: 16 }, (_, id) => ({
  id,
  name: `an item with a name ${id}`,
  price: 12.5 + id,
  tags: ["new", "red"],
  stock: { here: id, there: null },
}));

function page(more: Readonly<Record<string, unknown>> = {}, space?: number): CapturedOutcome {
  return capturedResponse({
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
const expected = page();

// Columns: title; the other response; rules.
const CASES: readonly (readonly [title: string, actual: CapturedOutcome, rules: typeof RULES])[] = [
  ["equal bytes", page(), RULES],
  ["equal values with different white space", page({}, 1), RULES],
  ["one differing value", page({ total: 17 }), RULES],
  ["one differing value, many rules", page({ total: 18 }), MANY_RULES],
  ["unordered arrays, equal elements", page({ items: ITEMS.toReversed() }), UNORDERED],
  [
    "unordered arrays, all elements different",
    page({ items: ITEMS.map((item) => ({ ...item, price: 1, id: -1 })) }),
    UNORDERED,
  ],
];

for (const [title, actual, rules] of CASES) {
  Deno.bench(`compareResponses() of 2 KB: ${title}`, { group: "compare" }, () => {
    compareResponses(expected, actual, rules);
  });
}

const names = new EndpointNames();
Deno.bench("nameOf() of a path with an id", { group: "endpoint" }, () => {
  names.nameOf("GET", "/api/users/42/orders/3f2504e0-4f89-11d3-9a0c-0305e82c3301");
});

const encoded = await gzipped(expected);
Deno.bench("decodeBody() of 2 KB in gzip", { group: "decode" }, async () => {
  await decodeBody(encoded, [["content-encoding", "gzip"]], { maxBytes: 262_144, key: [1, 2] });
});

async function gzipped(outcome: CapturedOutcome) {
  const bytes = outcome.ok ? outcome.response.body!.bytes : new Uint8Array();
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"));
  const gzip = new Uint8Array(await new Response(stream).arrayBuffer());
  return { bytes: gzip, length: gzip.length, cut: false };
}
