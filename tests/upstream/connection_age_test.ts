/** `maxConnectionAge`: connections in constant use are replaced, so that a service that moves is followed. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { fetchTransport, type Transport, type TransportRequest } from "@zeek/conductor";
import { http1Transport } from "../../src/upstream/http1/http1.ts";
import { canRun } from "../_support/certificates.ts";
import { startChild } from "../_support/child.ts";
import { cliCommandLine, tempConfig } from "../_support/cli_process.ts";
import { freePort } from "../_support/ports.ts";
import { startRelay } from "../_support/relay.ts";
import { startBackend, startConductor } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";
import { bodyOf, transportRequest } from "../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const MAX_MS = 300_000;
const POST = { method: "POST", body: new TextEncoder().encode("x") };

/** Transports with a virtual clock. */
const TRANSPORTS: readonly (readonly [name: string, create: (now: () => number) => Transport])[] = [
  ["http1Transport()", (now) => http1Transport({ now })],
  ["fetchTransport()", (now) => fetchTransport({ now })],
];

for (const [name, create] of TRANSPORTS) {
  Deno.test(`${name} reuses a connection until its maximum age, less at most 20 %`, async () => {
    const ordinals: number[] = [];
    await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
      ordinals.push(ordinal);
      await write(OK);
    });
    let nowMs = 0;
    const transport = create(() => nowMs);
    const send = (more: Partial<TransportRequest> = {}) =>
      transport(transportRequest(backend.url, { maxConnectionAgeMs: MAX_MS, ...more })).then(bodyOf);
    // Often enough for the idle timeout.
    const sendUntil = async (endMs: number) => {
      for (; nowMs < endMs; nowMs += 10_000) assertEquals(await send(), "ok");
    };
    await sendUntil(0.8 * MAX_MS);
    assertEquals(ordinals, ordinals.map((_, index) => index + 1));
    await sendUntil(MAX_MS);
    nowMs = MAX_MS;
    // The second connection may be as old as 0.8 of the maximum now.
    await sendUntil(1.6 * MAX_MS);
    assertEquals(ordinals.filter((ordinal) => ordinal === 1).length, 2);
  });

  Deno.test(`${name} reuses a connection at any age if there is no maximum`, async () => {
    const ordinals: number[] = [];
    await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
      ordinals.push(ordinal);
      await write(OK);
    });
    let nowMs = 0;
    const transport = create(() => nowMs);
    for (; nowMs < 2 * MAX_MS; nowMs += 50_000) {
      assertEquals(await bodyOf(await transport(transportRequest(backend.url))), "ok");
    }
    assertEquals(ordinals, ordinals.map((_, index) => index + 1));
  });

  Deno.test(`${name} completes a response in flight at the end of its connection's age`, async () => {
    const ordinals: string[] = [];
    const rest = Promise.withResolvers<void>();
    await using backend = await startSocketBackend(async ({ head, ordinal }, { write }) => {
      ordinals.push(`${head.slice(4, 6)} ${ordinal}`);
      if (!head.startsWith("GET /s")) return await write(OK);
      await write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      await rest.promise;
      await write("5\r\n done\r\n0\r\n\r\n");
    });
    let nowMs = 0;
    const transport = create(() => nowMs);
    const send = (path = "/") => transport(transportRequest(backend.url + path, { maxConnectionAgeMs: MAX_MS }));
    assertEquals(await bodyOf(await send("/a")), "ok");
    const slow = await send("/s");
    nowMs = MAX_MS + 1;
    assertEquals(await bodyOf(await send("/b")), "ok");
    rest.resolve();
    assertEquals(await bodyOf(slow), "half done");
    assertEquals(await bodyOf(await send("/c")), "ok");
    assertEquals(ordinals, ["/a 1", "/s 2", "/b 1", "/c 2"]);
  });
}

Deno.test("http1Transport() does not end connections of the same age together", async () => {
  let opened = 0;
  let waiting = 0;
  let all = Promise.withResolvers<void>();
  const count = 40;
  await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
    if (ordinal === 1) opened++;
    if (++waiting === count) all.resolve();
    await all.promise;
    await write(OK);
  });
  let nowMs = 0;
  const transport = http1Transport({ now: () => nowMs });
  const openedAt = async (timeMs: number) => {
    [nowMs, opened, waiting, all] = [timeMs, 0, 0, Promise.withResolvers<void>()];
    const request = () => transport(transportRequest(backend.url, { maxConnectionAgeMs: MAX_MS }));
    await Promise.all(Array.from({ length: count }, async () => await bodyOf(await request())));
    return opened;
  };
  const starts: number[] = [];
  assertEquals(await openedAt(0), count);
  for (let share = 0.1; share < 0.8; share += 0.1) assertEquals(await openedAt(share * MAX_MS), 0);
  for (let share = 0.8; share < 1.01; share += 0.02) starts.push(await openedAt(share * MAX_MS));
  assertEquals(starts.reduce((sum, opened) => sum + opened), count);
  // The probability that one of the ten steps has 38 of 40 connections is below 10^-30.
  assert(starts.every((opened) => opened < 38), `connections opened: ${starts}`);
});

Deno.test("fetchTransport() replaces HTTP/2 connections, and completes the streams of the old one", async () => {
  const rest = Promise.withResolvers<void>();
  await using backend = startBackend(({ url }) => {
    if (!url.endsWith("/slow")) return new Response("ok");
    const encoder = new TextEncoder();
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(encoder.encode("half"));
          await rest.promise;
          controller.enqueue(encoder.encode(" done"));
          controller.close();
        },
      }),
    );
  });
  await using relay = await startRelay(backend.port);
  let nowMs = 0;
  const transport = fetchTransport({ now: () => nowMs });
  const send = (path = "/") =>
    transport(transportRequest(relay.url + path, { http2: true, maxConnectionAgeMs: MAX_MS }));
  await bodyOf(await send());
  const slow = await send("/slow");
  assertEquals(relay.hellos.length, 1);
  nowMs = MAX_MS;
  assertEquals(await bodyOf(await send()), "ok");
  assertEquals(relay.hellos.length, 2);
  rest.resolve();
  assertEquals(await bodyOf(slow), "half done");
});

for (const [name, create] of TRANSPORTS) {
  Deno.test(`${name} sends every request once, and returns its response, while connections end all the time`, async () => {
    const received = new Map<string, number>();
    let connections = 0;
    await using backend = await startSocketBackend(async ({ head, ordinal }, { write }) => {
      if (ordinal === 1) connections++;
      const [id = ""] = /\/\d+/.exec(head) ?? [];
      received.set(id, (received.get(id) ?? 0) + 1);
      await write(OK);
    });
    const transport = create(() => performance.now());
    let sent = 0;
    const endMs = performance.now() + 1_000;
    const client = async () => {
      while (performance.now() < endMs) {
        const id = ++sent;
        const more = { maxConnectionAgeMs: 100, ...(id % 2 === 0 ? POST : {}) };
        assertEquals(await bodyOf(await transport(transportRequest(`${backend.url}/${id}`, more))), "ok");
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    assertEquals(received.size, sent);
    assertEquals([...received.values()].filter((count) => count !== 1), []);
    assert(connections >= 40, `connections: ${connections}`);
  });
}

Deno.test("conductor leaves a service that has moved, although its old connections stay open", async () => {
  const [before, after] = ["old", "new"].map((text) => OK.replace(/ok$/, `${text}`).replace("length: 2", "length: 3"));
  await using old = await startSocketBackend((_, { write }) => write(before!));
  await using front = startConductor({
    services: [{ name: "a", url: old.url, maxConnectionAge: "200ms" }],
  });
  const read = async () => await (await fetch(front.url)).text();
  assertEquals(await read(), "old");
  // New connections reach another server, as they do after a change of the DNS record.
  await old.listen(false);
  await using _ = await startSocketBackend((_, { write }) => write(after!), { port: old.port });
  const startMs = performance.now();
  while (await read() === "old") await delay(5);
  assert(performance.now() - startMs < 1_000);
});

Deno.test("conductor follows a changed DNS record over HTTP/1.1 and HTTP/2 while the service is in constant use", {
  // Another hosts file needs root, or user namespaces; and only Linux has all of 127.0.0.0/8.
  ignore: Deno.build.os !== "linux" || !canRun("unshare", ["--mount", "--map-root-user", "true"]),
}, async () => {
  const port = freePort();
  const serve = (hostname: string) => Deno.serve({ hostname, port, onListen() {} }, () => new Response(hostname));
  await using _old = serve("127.0.0.2");
  await using _new = serve("127.0.0.3");
  await using hosts = await tempConfig("127.0.0.2 moving.test\n");
  await using file = await tempConfig(`
services:
  - { name: one, url: "http://moving.test:${port}", pathPrefix: /one, maxConnectionAge: 300ms }
  - { name: two, url: "http://moving.test:${port}", pathPrefix: /two, maxConnectionAge: 300ms, http2: true }
`);
  const command = cliCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1", "--log-format", "json"]);
  await using child = startChild("unshare", {
    args: ["--mount", "--map-root-user", "sh", "-c", `mount --bind "${hosts.path}" /etc/hosts && exec ${command}`],
  });
  const [, url = ""] = await child.waitFor(/"url":"(.*?)"/);
  const read = async (path: string) => await (await fetch(url + path)).text();
  for (const path of ["/one", "/two"]) assertEquals(await read(path), "127.0.0.2");
  await Deno.writeTextFile(hosts.path, "127.0.0.3 moving.test\n");
  for (const path of ["/one", "/two"]) {
    const startMs = performance.now();
    while (await read(path) === "127.0.0.2") await delay(5);
    assertEquals(await read(path), "127.0.0.3");
    assert(performance.now() - startMs < 2_000);
  }
});
