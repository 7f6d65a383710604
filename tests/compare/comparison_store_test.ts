/** Comparison results across reloads of the configuration. */

import { assertEquals } from "@std/assert";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { Observer } from "../../src/observe/events.ts";
import { type Backend, startBackend } from "../_support/servers.ts";

const COMPARE = { compare: { noise: "off" } } as const;

/** Applies a configuration to the store, and returns its handler. */
function reconfigure(
  comparisons: ComparisonStore,
  [v1, v2]: readonly [Backend, Backend],
  { observe, ...top }: Partial<ConfigInput> & { observe?: Observer } = {},
): Handler {
  const services = [{ name: "v1", url: v1.url, primary: true }, { name: "v2", url: v2.url, shadow: true }];
  const { config } = validateConfig({ ...top, services });
  return createHandler(config, { comparisons, ...(observe !== undefined && { observe }) });
}

async function request(handle: Handler): Promise<void> {
  await (await handle(new Request("http://conductor/"))).body?.cancel();
}

Deno.test("responses to requests from before a reload with different rules are not counted", async () => {
  const { promise: late, resolve: respond } = Promise.withResolvers<void>();
  await using v1 = startBackend(() => Response.json(1));
  await using slow = startBackend(() => late.then(() => Response.json(2)));
  await using fixed = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = reconfigure(comparisons, [v1, slow], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await request(before);
  reconfigure(comparisons, [v1, fixed], COMPARE);
  respond();
  await compared;
  const { stats, mismatches } = comparisons.read(0);
  assertEquals([stats?.services.map(({ compared }) => compared), mismatches], [[0], []]);
});

Deno.test("a reload without `compare` drops the counts, and a further reload with it starts again", async () => {
  await using v1 = startBackend(() => Response.json(1));
  await using v2 = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = reconfigure(comparisons, [v1, v2], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await request(before);
  await compared;
  assertEquals(comparisons.read(0).stats?.services[0]?.compared, 1);
  reconfigure(comparisons, [v1, v2]);
  assertEquals(comparisons.read(0).stats, undefined);
  reconfigure(comparisons, [v1, v2], COMPARE);
  assertEquals(comparisons.read(0).stats?.services[0]?.compared, 0);
});
