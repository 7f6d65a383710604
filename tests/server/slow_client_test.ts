import { assertEquals } from "@std/assert";

import { startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

Deno.test("a client that stops reading releases its service after the timeout, and is disconnected", async () => {
  const ended = Promise.withResolvers<void>();
  await using backend = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(1_000));
    try {
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"));
      for (;;) await connection.write(new Uint8Array(65_536));
    } catch {
      ended.resolve();
    }
  });
  await using front = startConductor({ timeout: "200ms", services: [{ name: "a", url: backend.url }] });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: front.port });
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));

  await ended.promise;
  const event = await front.event(({ type }) => type === "interrupted");
  assertEquals(event.type === "interrupted" && event.failure, "timeout");
  let received = 0;
  for (const buffer = new Uint8Array(65_536);;) {
    const count = await client.read(buffer).catch(() => null);
    if (count === null) break;
    received += count;
  }
  // Bytes that the system had buffered, then the end instead of the rest.
  assertEquals(received < 100_000_000, true);
});

Deno.test("a client that does not read stays in flight until its connection ends", async () => {
  await using backend = startBackend((request) => {
    if (!request.url.endsWith("/endless")) return new Response("ok");
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }));
  });
  const services = [{ name: "a", url: backend.url }];
  await using front = startConductor({ timeout: "100ms", limits: { maxInFlightPerClient: 1 }, services });
  {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: front.port });
    await client.write(new TextEncoder().encode("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"));
    await front.event(({ type }) => type === "interrupted");
    const refused = await fetch(front.url);
    await refused.body?.cancel();
    assertEquals(refused.status, 503);
  }
  let status = 503;
  for (let attempt = 0; status !== 200 && attempt < 1_000; attempt++) {
    const response = await fetch(front.url);
    await response.body?.cancel();
    status = response.status;
  }
  assertEquals(status, 200);
});

Deno.test("a client that reads slowly, with pauses shorter than the timeout, gets the whole response", async () => {
  const size = 20_000_000;
  await using backend = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(1_000));
    await connection.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`));
    for (let sent = 0; sent < size;) sent += await connection.write(new Uint8Array(Math.min(65_536, size - sent)));
  });
  await using front = startConductor({ timeout: "2s", services: [{ name: "a", url: backend.url }] });
  const response = await fetch(front.url);
  let received = 0;
  let pauses = 0;
  for await (const chunk of response.body!) {
    received += chunk.length;
    // The pauses exceed the timeout in total, but not one by one.
    if (received > 3_000_000 * (pauses + 1)) {
      pauses++;
      await new Promise((resolve) => setTimeout(resolve, 450));
    }
  }
  assertEquals([received, pauses >= 5], [size, true]);
});
