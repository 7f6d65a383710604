/** Selection of the requests that are compared, and of those that are replayed to the primary. */

import { assertEquals, assertGreater } from "@std/assert";
import fc from "npm:fast-check@4.3.0";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { Sampler } from "../../src/lib/sampler.ts";
import { createHandler } from "../../src/proxy/handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { seededRandom } from "../_support/seeded_random.ts";
import { startBackend } from "../_support/servers.ts";

function draw(ratio: number, count: number, seed = 1): boolean[] {
  const sampler = new Sampler(ratio, seededRandom(seed));
  return Array.from({ length: count }, () => sampler.next());
}

Deno.test("Sampler selects the exact ratio of any number of requests", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 3_000 }),
    fc.integer(),
    (ratio, count, seed) => {
      const sampled = draw(ratio, count, seed).filter((isSampled) => isSampled).length;
      return Math.abs(sampled - ratio * count) <= 2;
    },
  ));
  assertEquals(draw(0, 1_000).includes(true), false);
  assertEquals(draw(1, 1_000).includes(false), false);
});

Deno.test("Sampler selects one of ten in a row at 10 %, at random positions", () => {
  const sampled = draw(0.1, 10_000);
  const counts = Array.from(
    { length: 10 },
    (_, position) => sampled.filter((is, at) => is && at % 10 === position).length,
  );
  for (const count of counts) assertGreater(count, 50);
  assertEquals(sampled.filter((isSampled) => isSampled).length, 1_000);
});

Deno.test("replays measure the noise of each endpoint in periodic traffic", async () => {
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
  const { mismatches, noise } = makeReport(comparisons.read(0).stats!);
  assertEquals(mismatches, []);
  assertEquals(noise.map(({ endpoint, path }) => `${endpoint} ${path}`).sort(), ["GET /data $.id", "GET /page $.id"]);
});
