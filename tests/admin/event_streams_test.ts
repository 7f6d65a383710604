import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";

import type { ExchangesView, StateView } from "../../src/admin/api.ts";
import { MAX_STREAMS, MAX_STREAMS_PER_CLIENT } from "../../src/admin/event_streams.ts";
import { createAdminHandler } from "../../src/admin/handler.ts";
import { createSource, exchange, pass, peer, requestEvents, startAdmin, TOKEN } from "../_support/test_admin.ts";

/** Reads this many server-sent events. */
async function readEvents(response: Response, count: number): Promise<{ event: string; id?: string; data: unknown }[]> {
  const events = [];
  let text = "";
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  while (events.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s, 2)));
      text = text.slice(end + 2);
      if (fields.event !== undefined) events.push({ ...fields, data: JSON.parse(fields.data) });
    }
  }
  await reader.cancel();
  return events;
}

Deno.test("/api/events sends the state and the recent exchanges, then new ones, and continues after Last-Event-ID", async () => {
  await using admin = await startAdmin();
  for (let count = 0; count < 3; count++) admin.source.ring.add(exchange());
  const events = await readEvents(await fetch(`${admin.url}/api/events`), 3);
  const first = events.find(({ event }) => event === "exchanges");
  assertEquals(first?.id, "3");
  assertEquals((first?.data as ExchangesView).exchanges.map(({ id }) => id), [1, 2, 3]);
  assert(events.some(({ event, data }) => event === "state" && (data as StateView).version === "0.0.0"));

  admin.source.ring.add(exchange());
  const resumed = await fetch(`${admin.url}/api/events`, { headers: { "last-event-id": "3" } });
  const next = (await readEvents(resumed, 2)).find(({ event }) => event === "exchanges");
  assertEquals([next?.id, (next?.data as ExchangesView).exchanges.length], ["4", 1]);
});

Deno.test("/api/events reads nothing after the last reader has left", async () => {
  using time = new FakeTime();
  const source = createSource();
  const { handle } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined });
  const [first, second] = await Promise.all([1, 2].map(() => handle(requestEvents())));
  await pass(time, 3);
  assert(source.reads > 10);
  await first!.body!.cancel();
  await second!.body!.cancel();
  const { reads } = source;
  await pass(time, 60);
  assertEquals(source.reads, reads);
});

Deno.test("/api/events ends the oldest stream of a client with too many streams", async () => {
  const { handle, close } = createAdminHandler(createSource(), { hostname: "127.0.0.1", port: 80, token: undefined });
  const other = await handle(requestEvents(), peer(2));
  const responses = [];
  for (let count = 0; count <= MAX_STREAMS_PER_CLIENT; count++) responses.push(await handle(requestEvents(), peer(1)));
  assertMatch(await responses[0]!.text(), /^retry: 1000\n\n/);
  close();
  for (const response of [other, ...responses.slice(1)]) assertMatch(await response.text(), /event: state/);
});

Deno.test("/api/events makes room for a new network if another one has all streams, but not if each has one", async () => {
  const { handle, close } = createAdminHandler(createSource(), { hostname: "127.0.0.1", port: 80, token: TOKEN });
  const login = async (number: number) => {
    const url = `http://127.0.0.1:80/?token=${TOKEN}`;
    const response = await handle(new Request(url, { headers: { host: "127.0.0.1:80" } }), peer(number));
    const headers = { host: "127.0.0.1:80", cookie: response.headers.get("set-cookie")!.split(";")[0]! };
    const events = new URL(`${response.headers.get("location")}api/events`, url);
    return await handle(new Request(events, { headers }), peer(number));
  };
  const greedy = [];
  for (let count = 0; count < MAX_STREAMS; count++) greedy.push(await login(1));
  assertEquals((await login(1)).status, 503);
  for (let number = 2; number <= MAX_STREAMS; number++) assertEquals((await login(number)).status, 200, `${number}`);
  assertEquals((await login(MAX_STREAMS + 1)).status, 503);
  close();
});

Deno.test("/api/events skips states for a slow reader, in bounded memory, and cuts off one that reads nothing", async () => {
  using time = new FakeTime();
  const source = createSource();
  source.padding = "x".repeat(100_000);
  const { handle, close } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined });
  const slow = (await handle(requestEvents())).body!.getReader();
  const idle = (await handle(requestEvents())).body!.getReader();
  await pass(time, 5);
  let queued = 0;
  for (let events = 0; events < 4; events++) queued += (await slow.read()).value?.length ?? 0;
  assert(queued > 200_000 && queued < 500_000, `${queued} bytes were queued`);
  source.ring.add(exchange());
  await pass(time, 12);
  await assertRejects(async () => {
    while (!(await idle.read()).done);
  });
  assertMatch(new TextDecoder().decode((await slow.read()).value), /^event: exchanges\nid: 1\n/);
  await slow.cancel();
  close();
});
