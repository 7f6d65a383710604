/** Pairs of responses from public reports about comparison tools, through a handler and real backends. */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { validateConfig } from "../../src/config/validate.ts";
import type { ComparedEvent } from "../../src/observe/events.ts";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { type Backend, startBackend } from "../_support/servers.ts";
import { TRANSPORTS } from "../_support/transports.ts";
import { ARRAYS } from "./pairs/arrays.ts";
import { BODIES } from "./pairs/bodies.ts";
import { DOCUMENTS } from "./pairs/documents.ts";
import { HEADERS } from "./pairs/headers.ts";
import { MARKUP } from "./pairs/markup.ts";
import type { Pair, PairedResponse } from "./pairs/pair.ts";
import { VALUES } from "./pairs/values.ts";

const THEMES: Readonly<Record<string, readonly Pair[]>> = { ARRAYS, BODIES, DOCUMENTS, HEADERS, MARKUP, VALUES };

/** Starts a backend that responds with the row whose index is the path. */
function serve(pairs: readonly Pair[], side: "expected" | "actual"): Backend {
  return startBackend((request) => {
    const { status = 200, type = "application/json", headers = [], body }: PairedResponse =
      pairs[Number(new URL(request.url).pathname.slice(1))]![side];
    const lines = type === null ? headers : [["content-type", type], ...headers];
    return new Response(request.method === "HEAD" ? null : body ?? null, {
      status,
      headers: lines as [string, string][],
    });
  });
}

/** Sends the request of a row, and returns the result of its comparison. */
async function compare(
  { compare, request }: Pair,
  index: number,
  urls: readonly [string, string],
): Promise<Pair["is"]> {
  const { promise, resolve } = Promise.withResolvers<ComparedEvent>();
  const { config } = validateConfig({
    compare: { noise: "off", ...compare },
    services: [
      { name: "old", url: urls[0], primary: true },
      { name: "new", url: urls[1], shadow: true },
    ],
  });
  const handle = createHandler(config, {
    transport: TRANSPORTS[0]![1](),
    observe: (event) => event.type === "compared" && resolve(event),
  });
  const response = await handle(new Request(`http://conductor/${index}`, request));
  await response.arrayBuffer();
  const { result, paths, reason } = await promise;
  if (result === "not-comparable") return { notComparable: reason! };
  return result === "match" ? "alike" : paths;
}

for (const [theme, pairs] of Object.entries(THEMES)) {
  Deno.test(`pairs of responses from public reports: ${theme.toLowerCase()}`, async (t) => {
    await using expected = serve(pairs, "expected");
    await using actual = serve(pairs, "actual");
    for (const [index, pair] of pairs.entries()) {
      await t.step(`${pair.from}: ${pair.about}`, async () => {
        assertEquals(await compare(pair, index, [expected.url, actual.url]), pair.is);
      });
    }
  });
}

Deno.test("the table of pairs has many rows, and each names a public report and its own case", () => {
  const pairs = Object.values(THEMES).flat();
  assertGreater(pairs.length, 149);
  for (const { from } of pairs) assertMatch(from, /^[\w.-]+\/[\w.-]+#\d+$/);
  const cases = pairs.map(({ from, about }) => `${from}: ${about}`);
  assertEquals(cases.filter((text, index) => cases.indexOf(text) !== index), []);
});
