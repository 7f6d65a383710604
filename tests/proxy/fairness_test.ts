/** Many clients at once: each one gets its share of the responses. */

import { assertEquals, assertGreater } from "@std/assert";
import type { ConfigInput } from "../../src/config/input.ts";
import { conductor } from "../../src/proxy/fetch_handler.ts";
import { startThreadedBackend } from "../_support/threaded_backend.ts";

const CLIENTS = 1_000;
const RESPONSES = 40 * CLIENTS;
/** Lowest share of a client, as a ratio of the mean. Without turns in order, some clients get a tenth. */
const MIN_SHARE = 0.5;

/** Sends requests from all clients, each one after the response to the former, and returns the responses per client. */
async function countResponses(config: ConfigInput): Promise<number[]> {
  const handle = conductor(config);
  const counts = Array<number>(CLIENTS).fill(0);
  let total = 0;
  await Promise.all(counts.map(async (_, client) => {
    while (total < RESPONSES) {
      const response = await handle(new Request("http://localhost/"));
      assertEquals(await response.text(), "ok");
      counts[client]!++;
      total++;
    }
  }));
  return counts;
}

function lowestShare(counts: number[]): number {
  return Math.min(...counts) / (counts.reduce((sum, count) => sum + count) / counts.length);
}

// Pooled connections stay open in the background.
const OPEN_CONNECTIONS = { sanitizeOps: false, sanitizeResources: false };

Deno.test("a thousand clients get equal shares of a service", OPEN_CONNECTIONS, async () => {
  await using backend = await startThreadedBackend();
  const services = [{ name: "a", url: backend.url }];
  assertGreater(lowestShare(await countResponses({ services })), MIN_SHARE);
});

Deno.test("a thousand clients get equal shares of a service with a shadow", OPEN_CONNECTIONS, async () => {
  await using backend = await startThreadedBackend();
  await using other = await startThreadedBackend();
  const services = [
    { name: "a", url: backend.url, primary: true },
    { name: "b", url: other.url, shadow: true },
  ];
  assertGreater(lowestShare(await countResponses({ services })), MIN_SHARE);
});
