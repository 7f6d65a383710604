import { assertEquals } from "@std/assert";

import { AsyncQueue } from "../../src/lib/async_queue.ts";

Deno.test("AsyncQueue hands over values in order, whether pushed or awaited first", async () => {
  const queue = new AsyncQueue<number>();
  const first = queue.next();
  queue.push(1);
  queue.push(2);
  queue.push(3);
  assertEquals([await first, await queue.next(), await queue.next()], [1, 2, 3]);
});
