/** What was compared, from one configuration to the next. */

import { assertEquals } from "@std/assert";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { Observer } from "../../src/observe/events.ts";
import { type Backend, startBackend } from "../_support/servers.ts";

const COMPARE = { compare: { noise: "off" } } as const;

/** The handler of a configuration, with what is kept from the one before. */
function follow(
  comparisons: ComparisonStore,
  [v1, v2]: readonly [Backend, Backend],
  { observe, ...top }: Partial<ConfigInput> & { observe?: Observer } = {},
): Handler {
  const services = [{ name: "v1", url: v1.url, primary: true }, { name: "v2", url: v2.url, shadow: true }];
  const { config } = validateConfig({ ...top, services });
  return createHandler(config, { comparisons, ...(observe !== undefined && { observe }) });
}

async function ask(handle: Handler): Promise<void> {
  await (await handle(new Request("http://conductor/"))).body?.cancel();
}

Deno.test("answers to requests of before a reload are not counted where it compares in another way", async () => {
  const { promise: late, resolve: answer } = Promise.withResolvers<void>();
  await using v1 = startBackend(() => Response.json(1));
  await using slow = startBackend(() => late.then(() => Response.json(2)));
  await using mended = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = follow(comparisons, [v1, slow], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await ask(before);
  follow(comparisons, [v1, mended], COMPARE);
  answer();
  await compared;
  const { tally, mismatches } = comparisons.read(0);
  assertEquals([tally?.services.map(({ compared }) => compared), mismatches], [[0], []]);
});

Deno.test("a reload that turns comparing off leaves nothing to report, and one that turns it on again begins anew", async () => {
  await using v1 = startBackend(() => Response.json(1));
  await using v2 = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = follow(comparisons, [v1, v2], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await ask(before);
  await compared;
  assertEquals(comparisons.read(0).tally?.services[0]?.compared, 1);
  follow(comparisons, [v1, v2]);
  assertEquals(comparisons.read(0).tally, undefined);
  follow(comparisons, [v1, v2], COMPARE);
  assertEquals(comparisons.read(0).tally?.services[0]?.compared, 0);
});
