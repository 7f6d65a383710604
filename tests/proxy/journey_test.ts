/** The five steps of docs/explanation/how-it-works.md over real sockets, and disconnecting or stalling peers. */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { type Backend, refusingUrl, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

/** A backend that responds with its name and the requested path. */
function named(name: string, status = 200): Backend {
  return startBackend((request) => new Response(`${name} ${new URL(request.url).pathname}`, { status }));
}

/** A backend that responds after `open()`. */
function gated(name: string): Backend & { open(): void } {
  const gate = Promise.withResolvers<void>();
  const backend = startBackend(async () => {
    await gate.promise;
    return new Response(name);
  });
  return { ...backend, open: gate.resolve };
}

function api(name: string, { url }: { url: string }, more: Partial<ServiceInput> = {}): ServiceInput {
  return { name, url, pathPrefix: "/api", ...more } as ServiceInput;
}

async function get(url: string): Promise<{ status: number; text: string; service: string | null }> {
  const response = await fetch(url);
  return {
    status: response.status,
    text: await response.text(),
    service: response.headers.get("x-conductor-service"),
  };
}

Deno.test("match: a request goes to the services of its route, and to no other", async () => {
  await using primary = named("primary");
  await using secondary = named("secondary");
  await using web = named("web");
  await using front = startConductor({
    services: [
      api("a", primary, { primary: true }),
      api("b", secondary),
      { name: "web", url: web.url, pathPrefix: "/web" },
    ],
  });
  assertEquals(await get(`${front.url}/api/users?id=7`), { status: 200, text: "primary /api/users", service: "a" });
  assertEquals([primary, secondary, web].map(({ seen }) => seen.map(({ target }) => target)), [
    ["/api/users?id=7"],
    ["/api/users?id=7"],
    [],
  ]);
  assertEquals((await get(`${front.url}/web`)).service, "web");
});

Deno.test("match: a path without a route gets 404, and no service receives the request", async () => {
  await using backend = named("a");
  await using front = startConductor({ services: [api("a", backend)] });
  const response = await fetch(`${front.url}/apiary`);
  assertEquals(response.status, 404);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const details = await response.json();
  assertEquals({ type: details.type, title: details.title, status: details.status }, {
    type: "about:blank",
    title: "Not Found",
    status: 404,
  });
  assertEquals(backend.seen, []);
});

Deno.test("fan-out: every service receives method, path, query, headers and body at the same time", async () => {
  await using first = gated("first");
  await using second = gated("second");
  await using third = gated("third");
  await using front = startConductor({
    services: [api("a", first), api("b", second), api("c", third, { shadow: true })],
  });
  const response = fetch(`${front.url}/api/a%2Fb?q=%20+`, {
    method: "PATCH",
    headers: { "x-custom": "1", "content-type": "text/plain" },
    body: "hello",
  });
  // No service has responded yet, so this would never resolve if requests were sent one after the other.
  await Promise.all([first, second, third].map((backend) => backend.received(1)));
  for (const { seen, open } of [first, second, third]) {
    const { method, target, headers, body } = seen[0]!;
    assertEquals({ method, target, body, custom: headers.get("x-custom"), length: headers.get("content-length") }, {
      method: "PATCH",
      target: "/api/a%2Fb?q=%20+",
      body: "hello",
      custom: "1",
      length: "5",
    });
    open();
  }
  assertEquals(await (await response).text(), "first");
});

Deno.test("wait: all responds when every primary and secondary has settled", async () => {
  await using fast = named("fast");
  await using slow = gated("slow");
  await using front = startConductor({ services: [api("fast", fast, { primary: true }), api("slow", slow)] });
  let responded = false;
  const response = get(`${front.url}/api`).finally(() => responded = true);
  await front.event((event) => event.type === "settled" && event.service === "fast");
  assertEquals(responded, false);
  slow.open();
  assertEquals((await response).service, "fast");
  const order = front.events.map((event) => event.type === "settled" ? `settled ${event.service}` : event.type);
  assertEquals(order, ["received", "attempted", "attempted", "settled fast", "settled slow", "responded", "relayed"]);
});

Deno.test("wait: primary responds when the primary has settled, and the secondary still settles", async () => {
  await using fast = named("fast");
  await using slow = gated("slow");
  await using front = startConductor({
    wait: "primary",
    services: [api("fast", fast, { primary: true }), api("slow", slow)],
  });
  assertEquals((await get(`${front.url}/api`)).service, "fast");
  slow.open();
  const settled = await front.event((event) => event.type === "settled" && event.service === "slow");
  assertEquals(settled.type === "settled" && settled.status, 200);
});

Deno.test("wait: a shadow that hangs does not delay the response in either mode", async () => {
  await using fast = named("fast");
  await using shadow = gated("shadow");
  for (const wait of ["all", "primary"] as const) {
    await using front = startConductor({
      wait,
      services: [api("fast", fast), api("shadow", shadow, { shadow: true })],
    });
    assertEquals((await get(`${front.url}/api`)).service, "fast");
    assert(!front.events.some((event) => event.type === "settled" && event.service === "shadow"));
  }
  shadow.open();
});

Deno.test("select: the first of several primaries to respond is selected", async () => {
  await using slow = gated("slow");
  await using quick = named("quick");
  await using front = startConductor({
    wait: "primary",
    services: [api("slow", slow, { primary: true }), api("quick", quick, { primary: true })],
  });
  assertEquals((await get(`${front.url}/api`)).service, "quick");
  slow.open();
  await front.event((event) => event.type === "settled" && event.service === "slow");
});

for (const wait of ["all", "primary"] as const) {
  Deno.test(`select: a secondary replaces a primary that refuses connections (wait: ${wait})`, async () => {
    await using backup = named("backup");
    await using front = startConductor({
      wait,
      services: [api("down", { url: refusingUrl() }, { primary: true }), api("backup", backup)],
    });
    assertEquals(await get(`${front.url}/api`), { status: 200, text: "backup /api", service: "backup" });
    const failed = await front.event((event) => event.type === "settled" && event.service === "down");
    assertEquals(failed.type === "settled" && failed.failure, "refused");
    const responded = await front.event((event) => event.type === "responded");
    assertEquals(responded.type === "responded" && responded.fallback, true);
  });

  Deno.test(`select: a secondary replaces a primary that responds with 500 (wait: ${wait})`, async () => {
    await using broken = named("broken", 500);
    await using backup = named("backup");
    await using front = startConductor({
      wait,
      services: [api("broken", broken, { primary: true }), api("backup", backup)],
    });
    assertEquals((await get(`${front.url}/api`)).service, "backup");
  });

  Deno.test(`select: a secondary replaces a primary that times out (wait: ${wait})`, async () => {
    await using hanging = gated("hanging");
    await using backup = named("backup");
    await using front = startConductor({
      wait,
      services: [api("hanging", hanging, { primary: true, timeout: 0.1 }), api("backup", backup)],
    });
    assertEquals((await get(`${front.url}/api`)).service, "backup");
    const failed = await front.event((event) => event.type === "settled" && event.service === "hanging");
    assert(failed.type === "settled" && failed.failure === "timeout");
    assertGreater(failed.durationMs, 90);
    hanging.open();
  });
}

Deno.test("select: a 404 from the primary is relayed unless failOn includes it", async () => {
  await using missing = named("missing", 404);
  await using backup = named("backup");
  const services = [api("missing", missing, { primary: true }), api("backup", backup)];
  {
    await using front = startConductor({ services });
    assertEquals((await get(`${front.url}/api`)).status, 404);
  }
  await using front = startConductor({ services, failOn: ["404", "5xx"] });
  assertEquals((await get(`${front.url}/api`)).service, "backup");
});

Deno.test("select: if every service fails, the client gets 502 with each failure and no address", async () => {
  const busy = startBackend(() => new Response("busy", { status: 503, headers: { "retry-after": "7" } }));
  await using primary = busy;
  const down = refusingUrl();
  await using front = startConductor({
    services: [
      api("busy", primary, { primary: true }),
      api("down", { url: down }),
      api("x", primary, { shadow: true }),
    ],
  });
  const response = await fetch(`${front.url}/api`);
  assertEquals(response.status, 502);
  assertEquals(response.headers.get("retry-after"), "7");
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const text = await response.text();
  assertEquals(JSON.parse(text).services, [
    { service: "busy", role: "primary", status: 503 },
    { service: "down", role: "secondary", failure: "refused" },
  ]);
  assert(!text.includes("127.0.0.1"), text);
});

Deno.test("select: identify: false hides the names of services", async () => {
  await using backend = named("a");
  await using front = startConductor({
    identify: false,
    services: [
      api("secret-a", backend),
      { name: "secret-b", url: refusingUrl(), pathPrefix: "/down" },
      { name: "secret-c", url: refusingUrl(), pathPrefix: "/down" },
    ],
  });
  assertEquals((await get(`${front.url}/api`)).service, null);
  const { status, text } = await get(`${front.url}/down`);
  assertEquals(status, 502);
  assert(!text.includes("secret"), text);
  assertEquals(JSON.parse(text).services, [
    { role: "primary", failure: "refused" },
    { role: "secondary", failure: "refused" },
  ]);
});

Deno.test("select: relayFailures relays the primary's own failure", async () => {
  await using broken = named("broken", 500);
  await using worse = named("worse", 503);
  await using front = startConductor({
    relayFailures: true,
    services: [api("broken", broken, { primary: true }), api("worse", worse)],
  });
  assertEquals(await get(`${front.url}/api`), { status: 500, text: "broken /api", service: "broken" });
});

Deno.test("select: a route with one service and shadows relays every response", async () => {
  await using broken = named("broken", 500);
  await using shadow = named("shadow");
  await using front = startConductor({ services: [api("broken", broken), api("shadow", shadow, { shadow: true })] });
  assertEquals(await get(`${front.url}/api`), { status: 500, text: "broken /api", service: "broken" });
});

Deno.test("select: a route with one unreachable service gets 502", async () => {
  await using front = startConductor({ services: [api("down", { url: refusingUrl() })] });
  assertEquals((await get(`${front.url}/api`)).status, 502);
});

Deno.test("respond: head and body are relayed while the service still sends the body", async () => {
  const rest = Promise.withResolvers<void>();
  await using backend = startBackend(() =>
    new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
          await rest.promise;
          controller.enqueue(new TextEncoder().encode("data: 2\n\n"));
          controller.close();
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    )
  );
  await using front = startConductor({ services: [api("sse", backend)] });
  const response = await fetch(`${front.url}/api`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "data: 1\n\n");
  rest.resolve();
  assertEquals((await reader.read()).value, "data: 2\n\n");
  assertEquals((await reader.read()).done, true);
});

Deno.test("respond: local replies are problem details for clients that accept JSON, a page for browsers, otherwise plain text", async () => {
  await using backend = named("a");
  await using front = startConductor({ services: [api("a", backend)] });
  const response = await fetch(`${front.url}/none`, { headers: { accept: "text/plain", "x-request-id": "r-7" } });
  assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(await response.text(), "404 Not Found: No route matches this path\nRequest id: r-7\n");
  for (const accept of ["application/json", "application/problem+json", "*/*", "text/html;q=0.8, application/json"]) {
    const json = await fetch(`${front.url}/none`, { headers: { accept } });
    await json.body?.cancel();
    assertEquals(json.headers.get("content-type"), "application/problem+json", accept);
  }
  const page = await fetch(`${front.url}/none`, { headers: { accept: "text/html,*/*;q=0.8" } });
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(await page.text(), page.headers.get("x-request-id")!);
  const head = await fetch(`${front.url}/none`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [404, ""]);
});

Deno.test("a client that disconnects aborts primaries and secondaries, and shadow requests continue", async () => {
  const closed: string[] = [];
  const hang = (name: string) =>
    startRawBackend(async (connection) => {
      const buffer = new Uint8Array(1024);
      while (await connection.read(buffer) !== null);
      closed.push(name);
    });
  await using primary = hang("primary");
  await using secondary = hang("secondary");
  await using shadow = hang("shadow");
  await using front = startConductor({
    services: [api("p", primary), api("s", secondary), api("x", shadow, { shadow: true, timeout: 2 })],
  });
  const controller = new AbortController();
  const response = fetch(`${front.url}/api`, { signal: controller.signal }).catch(() => "aborted");
  await front.event((event) => event.type === "attempted" && event.service === "x");
  controller.abort();
  assertEquals(await response, "aborted");
  const responded = await front.event((event) => event.type === "responded");
  assertEquals(responded.type === "responded" && responded.status, 499);
  const ended = await front.event((event) => event.type === "settled" && event.service === "x");
  assert(ended.type === "settled" && ended.failure === "timeout");
  const kinds = front.events.map((event) => event.type === "settled" ? `${event.service} ${event.failure}` : "");
  assertEquals(kinds.filter(Boolean), ["p aborted", "s aborted", "x timeout"]);
  assertEquals(closed.slice(0, 2).sort(), ["primary", "secondary"]);
});

Deno.test("an endless body of an unselected response is cancelled, and the client's response is complete", async () => {
  await using primary = named("primary");
  const ended = Promise.withResolvers<void>();
  await using endless = startBackend(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        cancel: () => ended.resolve(),
      }),
    )
  );
  await using front = startConductor({ services: [api("a", primary, { primary: true }), api("b", endless)] });
  assertEquals((await get(`${front.url}/api`)).text, "primary /api");
  await ended.promise;
});

Deno.test("a primary that closes the connection in the middle of a small body has failed", async () => {
  await using dying = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
  });
  await using backup = named("backup");
  await using front = startConductor({ services: [api("dying", dying, { primary: true }), api("backup", backup)] });
  assertEquals((await get(`${front.url}/api`)).service, "backup");
});

Deno.test("a primary that closes the connection in the middle of a large body cuts the client's connection", async () => {
  await using dying = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(
      new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${"x".repeat(1000)}`),
    );
  });
  await using backup = named("backup");
  await using front = startConductor({ services: [api("dying", dying, { primary: true }), api("backup", backup)] });
  const outcome = await get(`${front.url}/api`).then(() => "complete", () => "cut");
  assertEquals(outcome, "cut");
  await front.event((event) => event.type === "interrupted" && event.service === "dying");
});

Deno.test("a response that stalls is cut after the service's timeout", async () => {
  await using silent = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(
      new TextEncoder().encode("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    );
    while (await connection.read(new Uint8Array(64)) !== null);
  });
  await using front = startConductor({ services: [api("silent", silent, { timeout: "100ms" })] });
  const started = performance.now();
  assertEquals(await get(`${front.url}/api`).then(() => "complete", () => "cut"), "cut");
  assertLess(performance.now() - started, 5_000);
  const event = await front.event(({ type }) => type === "interrupted");
  assertEquals(event.type === "interrupted" && event.failure, "timeout");
});
