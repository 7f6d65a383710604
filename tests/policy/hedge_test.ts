/** Hedging over real sockets. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ConductorEvent, PrimaryServiceInput } from "@zeek/conductor";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { type Front, refusingUrl, startBackend, startConductor, startSlowBackend } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";

/** Longer than any test, so that a hedge is never sent because of the time. */
const NEVER = { after: "1h" } as const;

function twins(
  a: string,
  b: string,
  hedge: PrimaryServiceInput["hedge"] = {},
  more: Partial<PrimaryServiceInput> = {},
) {
  return [{ name: "a", url: a, primary: true, ...more }, { name: "b", url: b, primary: true, hedge }] as const;
}

async function ask(front: Front, init?: RequestInit): Promise<string> {
  const response = await fetch(front.url, init);
  await response.body?.cancel();
  return `${response.status} ${response.headers.get("x-conductor-service")}`;
}

function attempts(events: readonly ConductorEvent[]): string[] {
  return events.flatMap((event) => event.type === "attempted" ? [`${event.service} ${event.hedge}`] : []);
}

/** A backend that reads requests and never responds. It reports when its connections close. */
async function startMute() {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const backend = await startSocketBackend((_, connection) => {
    asked.resolve();
    connection.gone.then(() => gone.resolve());
  });
  return {
    url: backend.url,
    asked: asked.promise,
    gone: gone.promise,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

for (const wait of ["all", "primary"] as const) {
  Deno.test(`with wait: ${wait} a hedge responds instead of a late service, whose connection is closed`, async () => {
    await using mute = await startMute();
    await using quick = startBackend();
    await using front = startConductor({ wait, services: twins(mute.url, quick.url, { after: "20ms" }) });
    assertEquals(await ask(front), "200 b");
    await mute.gone;
    assertEquals(attempts(front.events), ["a false", "b true"]);
    const settled = await front.event((event) => event.type === "settled" && event.service === "a");
    assertEquals(settled.type === "settled" && settled.failure, "aborted");
  });

  Deno.test(`with wait: ${wait} a hedge that loses is aborted, and its connection closed`, async () => {
    await using slow = startSlowBackend();
    await using mute = await startMute();
    await using front = startConductor({ wait, services: twins(slow.url, mute.url, { after: "20ms" }) });
    const answer = ask(front);
    await mute.asked;
    slow.release();
    assertEquals(await answer, "200 a");
    await mute.gone;
  });

  Deno.test(`with wait: ${wait} a hedge is not sent if the first service responds in time`, async () => {
    await using first = startBackend();
    await using second = startBackend();
    await using front = startConductor({ wait, services: twins(first.url, second.url, NEVER) });
    for (let sent = 0; sent < 20; sent++) assertEquals(await ask(front), "200 a");
    assertEquals([first.seen.length, second.seen.length], [20, 0]);
  });

  Deno.test(`with wait: ${wait} a hedge is sent at once if the first service fails`, async () => {
    await using failing = startBackend(() => new Response(null, { status: 503 }));
    await using second = startBackend();
    for (const url of [failing.url, refusingUrl()]) {
      await using front = startConductor({ wait, services: twins(url, second.url, NEVER) });
      assertEquals(await ask(front), "200 b");
      assertEquals(attempts(front.events), ["a false", "b true"]);
    }
  });
}

Deno.test("a hedge after the 95th percentile is sent once the percentile is known", async () => {
  let isMute = false;
  const muted = Promise.withResolvers<void>();
  await using first = startBackend(async () => {
    if (isMute) await muted.promise;
    return new Response("ok");
  });
  await using second = startBackend();
  await using front = startConductor({
    wait: "primary",
    services: twins(first.url, second.url, { after: "p95", maxExtra: "100%" }),
  });
  for (let sent = 0; sent < 99; sent++) assertEquals(await ask(front), "200 a");
  assertEquals(second.seen.length, 0);
  // From here on, one of the few latencies above the percentile may be hedged.
  for (let sent = 0; sent < 20; sent++) await ask(front);
  isMute = true;
  assertEquals(await ask(front), "200 b");
  const failures = front.events.flatMap((event) => event.type === "settled" && !event.success ? [event.failure] : []);
  assertEquals(failures.at(-1), "aborted");
  muted.resolve();
});

Deno.test("an exhausted budget leaves the fallback, and successes refill it", async () => {
  let released = Promise.withResolvers<void>();
  let isMute = true;
  await using first = startBackend(async () => {
    if (isMute) await released.promise;
    return new Response("ok");
  });
  await using second = startBackend();
  const services = twins(first.url, second.url, { after: "20ms", maxExtra: "1%" }, { timeout: 1 });
  await using front = startConductor({ wait: "primary", services });
  const failures = () => {
    return front.events.flatMap((event) => event.type === "settled" && !event.success ? [event.failure] : []);
  };
  for (let sent = 0; sent < 2; sent++) assertEquals(await ask(front), "200 b");
  assertEquals(failures(), ["aborted", "timeout"]);
  isMute = false;
  released.resolve();
  while (first.seen.length < 102) await ask(front);
  released = Promise.withResolvers();
  isMute = true;
  assertEquals(await ask(front), "200 b");
  assertEquals(failures().at(-1), "aborted");
  released.resolve();
});

Deno.test("a hedge is sent at once if the breaker of the first service is open", async () => {
  await using second = startBackend();
  const breaker = { failures: 1, openFor: "1h", maxOpenFor: "1h" } as const;
  await using front = startConductor({ services: twins(refusingUrl(), second.url, NEVER, { breaker }) });
  assertEquals(await ask(front), "200 b");
  assertEquals(await ask(front, { method: "POST", body: "order" }), "200 b");
  assertEquals(second.seen.map(({ method, body }) => `${method} ${body}`), ["GET ", "POST order"]);
  const failures = front.events.flatMap((event) => event.type === "settled" && !event.success ? [event.failure] : []);
  assertEquals(failures, ["refused", "open-circuit"]);
});

Deno.test("a POST is sent to the next service after a refused connection, but not after a reset", async () => {
  await using second = startBackend();
  await using closing = await startSocketBackend((_, connection) => connection.close());
  const order = { method: "POST", body: "order" };
  await using unsure = startConductor({ services: twins(closing.url, second.url, NEVER) });
  assertEquals(await ask(unsure, order), "502 null");
  const skipped = unsure.events.flatMap((event) =>
    event.type === "skipped" ? [`${event.service} ${event.reason}`] : []
  );
  assertEquals([skipped, second.seen.length], [["b method-excluded"], 0]);
  await using sure = startConductor({ services: twins(refusingUrl(), second.url, NEVER) });
  assertEquals(await ask(sure, order), "200 b");
  assertEquals(second.seen.map(({ body }) => body), ["order"]);
});

Deno.test("a client that disconnects during the delay of a hedge leaves nothing behind", async () => {
  await using mute = await startMute();
  await using second = startBackend();
  await using front = startConductor({ services: twins(mute.url, second.url, NEVER) });
  const controller = new AbortController();
  const answer = assertRejects(() => fetch(front.url, { signal: controller.signal }));
  await mute.asked;
  controller.abort();
  await answer;
  await mute.gone;
  const responded = await front.event(({ type }) => type === "responded");
  assertEquals(responded.type === "responded" && responded.status, 499);
  assertEquals(attempts(front.events), ["a false"]);
  assertEquals(second.seen.length, 0);
});

Deno.test({
  name: "a shutdown waits for attempts, not for hedges that were not sent",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using slow = startSlowBackend();
    await using second = startBackend();
    await using file = await tempConfig(JSON.stringify({
      shutdownTimeout: 600,
      logging: { level: "debug", format: "json" },
      services: twins(slow.url, second.url, NEVER),
    }));
    await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    const answer = fetch(url).then((response) => response.text());
    await slow.received(1);
    child.kill("SIGTERM");
    await child.stdout.seen(/"message":"stopping/);
    slow.release();
    assertEquals(await answer, "finished");
    assertEquals(await child.exited, 0);
    const lines = child.stdout.text.split("\n");
    assertEquals(lines.filter((line) => line.includes('"attempt started"')).length, 1);
    assert(lines.some((line) => line.includes('"attempt started"') && line.includes('"hedge":false')));
    assertEquals(second.seen.length, 0);
  },
});
