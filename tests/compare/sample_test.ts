/** Which requests are compared, and which are sent to the primary again. */

import { assertEquals, assertGreater } from "@std/assert";
import fc from "npm:fast-check@4.3.0";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { Sampler } from "../../src/lib/sampler.ts";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { seededRandom } from "../_support/seeded_random.ts";
import { startBackend } from "../_support/servers.ts";

function choose(share: number, count: number, seed = 1): boolean[] {
  const draw = new Sampler(share, seededRandom(seed));
  return Array.from({ length: count }, () => draw.next());
}

Deno.test("ShareDraw chooses as many of any number of requests as the share says", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 3_000 }),
    fc.integer(),
    (share, count, seed) => {
      const chosen = choose(share, count, seed).filter((isChosen) => isChosen).length;
      return Math.abs(chosen - share * count) <= 2;
    },
  ));
  assertEquals(choose(0, 1_000).includes(true), false);
  assertEquals(choose(1, 1_000).includes(false), false);
});

Deno.test("ShareDraw chooses one of each ten in a row at 10 %, and not always the same", () => {
  const chosen = choose(0.1, 10_000);
  const places = Array.from({ length: 10 }, (_, place) => chosen.filter((is, at) => is && at % 10 === place).length);
  for (const count of places) assertGreater(count, 50);
  assertEquals(chosen.filter((isChosen) => isChosen).length, 1_000);
});

Deno.test("traffic that repeats itself shows of each endpoint what differs by itself", async () => {
  await using old = startBackend(() => Response.json({ id: crypto.randomUUID() }));
  await using fresh = startBackend(() => Response.json({ id: crypto.randomUUID() }));
  const { config } = validateConfig({
    compare: true,
    services: [{ name: "old", url: old.url, primary: true }, { name: "fresh", url: fresh.url, shadow: true }],
  });
  const comparisons = new ComparisonStore();
  let made = Promise.withResolvers<void>();
  const handle = createHandler(config, {
    comparisons,
    observe: ({ type }) => void (type === "compared" && made.resolve()),
  });
  for (let sent = 0; sent < 500; sent++) {
    const { promise } = made;
    await (await handle(new Request(`http://conductor/${sent % 2 === 0 ? "page" : "data"}`))).body?.cancel();
    await promise;
    made = Promise.withResolvers();
  }
  const { mismatches, noise } = makeReport(comparisons.read(0).tally!);
  assertEquals(mismatches, []);
  assertEquals(noise.map(({ endpoint, path }) => `${endpoint} ${path}`).sort(), ["GET /data $.id", "GET /page $.id"]);
});
