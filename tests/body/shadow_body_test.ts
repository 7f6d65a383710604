/** Bodies and headers of shadow requests, over real sockets. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ConductorEvent, ShadowServiceInput } from "@zeek/conductor";
import { type Front, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";

const MAX = 100_000;

function startFront(mainUrl: string, shadowUrl: string, shadow: Partial<ShadowServiceInput>): Front {
  return startConductor({
    services: [{ name: "main", url: mainUrl }, { name: "shadow", url: shadowUrl, shadow: true, ...shadow }],
  });
}

/** Returns the reasons for shadow requests that were not sent, or not completely. */
function skips(events: readonly ConductorEvent[]): string[] {
  return events.flatMap((event) => event.type === "skipped" ? [`${event.service} ${event.reason}`] : []);
}

/** Returns a body of unknown length. */
function stream(pieces: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces).pipeThrough(new TextEncoderStream());
}

// Columns: length of the body, sent to the shadow or not.
for (const [length, isSent] of [[0, true], [MAX, true], [MAX + 1, false], [10 * MAX, false]] as const) {
  Deno.test(`a body of ${length} bytes is ${isSent ? "" : "not "}sent to the shadow with maxBodySize: ${MAX}`, async () => {
    await using main = startBackend((_, body) => new Response(String(body.length)));
    await using shadow = startBackend();
    await using front = startFront(main.url, shadow.url, { maxBodySize: MAX });
    const response = await fetch(front.url, { method: "POST", body: "x".repeat(length) });
    assertEquals(await response.text(), String(length));
    if (isSent) await shadow.received(1);
    assertEquals(shadow.seen.map(({ body }) => body.length), isSent ? [length] : []);
    assertEquals(skips(front.events), isSent ? [] : ["shadow body-too-large"]);
  });
}

Deno.test("a body of unknown length that turns out too large is aborted only for the shadow, and reported once", async () => {
  const piece = "x".repeat(30_000);
  await using main = startBackend((_, body) => new Response(String(body.length)));
  const received = Promise.withResolvers<string>();
  await using shadow = startRawBackend(async (connection) => {
    let text = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await connection.read(buffer)) !== null;) {
        text += decoder.decode(buffer.subarray(0, count));
      }
    } finally {
      received.resolve(text);
    }
  });
  await using front = startFront(main.url, shadow.url, { maxBodySize: MAX });
  const response = await fetch(front.url, { method: "POST", body: stream(Array(10).fill(piece)) });
  assertEquals(await response.text(), "300000");
  const text = await received.promise;
  assertStringIncludes(text, "transfer-encoding: chunked");
  assert(!text.endsWith("\r\n0\r\n\r\n"), "the shadow request must not look complete");
  assert(text.length < MAX + 10_000);
  assertEquals(skips(front.events), ["shadow body-too-large"]);
  const settled = front.events.find((event) => event.type === "settled" && event.service === "shadow");
  assert(settled?.type === "settled");
  assertEquals(settled.failure, "body-too-large");
});

Deno.test("a body of unknown length that is not too large is sent completely to the shadow", async () => {
  await using main = startBackend();
  await using shadow = startBackend();
  await using front = startFront(main.url, shadow.url, { maxBodySize: MAX });
  const response = await fetch(front.url, { method: "POST", body: stream(Array(10).fill("x".repeat(10_000))) });
  await response.body?.cancel();
  await shadow.received(1);
  assertEquals(shadow.seen[0]!.body.length, MAX);
  assertEquals(skips(front.events), []);
});

Deno.test("a shadow request that lags settles as body-lag, and is also reported as skipped", async () => {
  await using main = startBackend((_, body) => new Response(String(body.length)));
  const never = Promise.withResolvers<void>();
  await using shadow = startRawBackend(() => never.promise);
  await using front = startConductor({
    bodyWindow: "64KiB",
    services: [{ name: "main", url: main.url }, { name: "shadow", url: shadow.url, shadow: true }],
  });
  const size = 32 * 1024 * 1024;
  const response = await fetch(front.url, { method: "POST", body: new Uint8Array(size) });
  assertEquals(await response.text(), String(size));
  const settled = await front.event((event) => event.type === "settled" && event.service === "shadow");
  assert(settled.type === "settled");
  assertEquals(settled.failure, "body-lag");
  assertEquals(skips(front.events), ["shadow body-lag"]);
  never.resolve();
});

for (const [name, body] of [["known", "x".repeat(MAX)], ["unknown", undefined], ["small", "x"]] as const) {
  Deno.test(`body: false sends only the head to the shadow for a request with a body of ${name} length`, async () => {
    await using main = startBackend();
    const head = Promise.withResolvers<string>();
    await using shadow = await startSocketBackend(async (request, connection) => {
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      head.resolve(request.head + request.body);
    });
    await using front = startFront(main.url, shadow.url, { body: false });
    const headers = { "content-type": "text/plain", "content-encoding": "identity", "x-kept": "1" };
    const response = await fetch(front.url, { method: "PUT", headers, body: body ?? stream([..."xyz"]) });
    assertEquals(await response.text(), "ok");
    const lines = (await head.promise).toLowerCase().split("\r\n");
    assert(lines.includes("content-length: 0"));
    assert(lines.includes("x-kept: 1"));
    assert(!lines.some((line) => /^(?:content-(?:type|encoding)|transfer-encoding):/.test(line)));
    assertEquals(main.seen[0]!.body, body ?? "xyz");
    assertEquals(main.seen[0]!.headers.get("content-type"), "text/plain");
    await front.event((event) => event.type === "settled" && event.service === "shadow");
    assertEquals(skips(front.events), []);
  });
}

Deno.test("credentials: false removes the credentials of the client only for that shadow, and keeps configured ones", async () => {
  await using main = startBackend();
  await using bare = startBackend();
  await using own = startBackend();
  await using front = startConductor({
    services: [
      { name: "main", url: main.url },
      { name: "bare", url: bare.url, shadow: true, credentials: false },
      { name: "own", url: own.url, shadow: true, credentials: false, headers: { Authorization: "Bearer staging" } },
    ],
  });
  const headers = {
    authorization: "Bearer x",
    cookie: "sid=1",
    "X-API-Key": "k",
    "x-csrf-token": "c",
    "x-user": "ada",
  };
  await (await fetch(front.url, { headers })).body?.cancel();
  await Promise.all([bare.received(1), own.received(1)]);
  const names = ["authorization", "cookie", "x-api-key", "x-csrf-token", "x-user"];
  const valuesOf = (backend: typeof main) => names.map((name) => backend.seen[0]!.headers.get(name));
  assertEquals(valuesOf(main), ["Bearer x", "sid=1", "k", "c", "ada"]);
  assertEquals(valuesOf(bare), [null, null, null, null, "ada"]);
  assertEquals(valuesOf(own), ["Bearer staging", null, null, null, "ada"]);
});
