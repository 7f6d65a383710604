/** Forwarding over real sockets: the bytes that services and clients receive. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CommonServiceInput } from "@zeek/conductor";
import {
  exchangeRaw,
  readUntil,
  refusingUrl,
  startBackend,
  startConductor,
  startRawBackend,
} from "../_support/servers.ts";

function all({ url }: { url: string }, more: Partial<CommonServiceInput> = {}): CommonServiceInput {
  return { name: "all", url, ...more };
}

/** A backend that sends the same bytes for every request, and records the heads of requests. */
function canned(response: string | Uint8Array): ReturnType<typeof startRawBackend> & { heads: string[] } {
  const heads: string[] = [];
  const bytes = typeof response === "string" ? new TextEncoder().encode(response) : response;
  const server = startRawBackend(async (connection) => {
    for (;;) {
      const head = await readUntil(connection);
      if (head === "") return;
      heads.push(head);
      await connection.write(bytes);
    }
  });
  return { ...server, heads };
}

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
}

Deno.test("services receive the client's address, the requested host, and their role", async () => {
  await using primary = startBackend();
  await using shadow = startBackend();
  await using front = startConductor({
    forwarded: true,
    services: [all(primary), { ...all(shadow), name: "shadow", shadow: true }],
  });
  await (await fetch(`${front.url}/x`, { headers: { "x-forwarded-for": "10.0.0.1", "x-request-id": "mine" } })).text();
  await shadow.received(1);
  const { headers } = primary.seen[0]!;
  assertEquals(headers.get("x-forwarded-for"), "127.0.0.1");
  assertEquals(headers.get("x-forwarded-proto"), "http");
  assertEquals(headers.get("x-forwarded-host"), `127.0.0.1:${front.port}`);
  assertEquals(headers.get("forwarded"), `for=127.0.0.1;host="127.0.0.1:${front.port}";proto=http`);
  assertMatch(headers.get("via")!, /^1\.1 conductor-[0-9a-f]{8}$/);
  assertEquals(headers.get("x-request-id"), "mine");
  assertEquals(headers.get("x-conductor-role"), "primary");
  assertEquals(shadow.seen[0]!.headers.get("x-conductor-role"), "shadow");
  assertEquals(headers.get("host"), `127.0.0.1:${primary.port}`);
});

Deno.test("a trusted proxy's forwarding headers are extended", async () => {
  await using backend = startBackend();
  await using front = startConductor({ trustProxy: ["127.0.0.0/8"], services: [all(backend)] });
  const headers = { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" };
  await (await fetch(front.url, { headers })).text();
  assertEquals(backend.seen[0]!.headers.get("x-forwarded-for"), "192.0.2.1, 127.0.0.1");
  assertEquals(backend.seen[0]!.headers.get("x-forwarded-proto"), "https");
});

Deno.test("host: preserve and a literal Host reach the service", async () => {
  await using backend = startBackend();
  for (const [host, expected] of [["preserve", "shop.example"], ["internal.example", "internal.example"]] as const) {
    await using front = startConductor({ services: [all(backend, { host })] });
    await exchangeRaw(front.port, "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
    assertEquals(backend.seen.at(-1)!.headers.get("host"), expected);
  }
});

Deno.test("redirects are relayed, not followed", async () => {
  await using backend = startBackend(() => new Response(null, { status: 302, headers: { location: "/elsewhere" } }));
  await using front = startConductor({ services: [all(backend)] });
  const response = await fetch(front.url, { redirect: "manual" });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("location")], [302, "/elsewhere"]);
  assertEquals(backend.seen.length, 1);
});

Deno.test("Set-Cookie lines are not merged", async () => {
  const cookies = Array.from({ length: 20 }, (_, index) => `c${index}=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT`);
  await using backend = startBackend(() =>
    new Response("ok", { headers: cookies.map((cookie) => ["set-cookie", cookie]) })
  );
  await using front = startConductor({ services: [all(backend)] });
  const response = await fetch(front.url);
  await response.text();
  assertEquals(response.headers.getSetCookie(), cookies);
});

Deno.test("a compressed response reaches the client with headers that match its bytes", async () => {
  const text = "hello ".repeat(1_000);
  const zipped = await gzip(text);
  // One backend respects Accept-Encoding, the other always compresses.
  for (const stubborn of [false, true]) {
    await using backend = startBackend((request) => {
      const zips = stubborn || /gzip/.test(request.headers.get("accept-encoding") ?? "");
      return zips ? new Response(zipped, { headers: { "content-encoding": "gzip" } }) : new Response(text);
    });
    await using front = startConductor({ services: [all(backend)] });
    const response = await fetch(front.url, { headers: { "accept-encoding": "gzip" } });
    assertEquals(await response.text(), text);
    const raw = await exchangeRaw(front.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertEquals(/content-encoding: gzip/i.test(raw), stubborn);
    assertMatch(raw, new RegExp(`content-length: ${stubborn ? zipped.length : text.length}\r\n`, "i"));
  }
});

Deno.test("HEAD keeps the Content-Length of GET, without a body", async () => {
  await using backend = canned("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\ncontent-type: text/plain\r\n\r\n");
  await using front = startConductor({ services: [all(backend)] });
  const raw = await exchangeRaw(front.port, "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertMatch(raw, /^HTTP\/1\.1 200 /);
  assertMatch(raw, /content-length: 1234\r\n/i);
  assert(raw.endsWith("\r\n\r\n"), raw);
  assertMatch(backend.heads[0]!, /^HEAD \/x /);
});

for (const status of [204, 205, 304]) {
  Deno.test(`${status} has neither a body nor a length other than zero`, async () => {
    await using backend = canned(`HTTP/1.1 ${status} X\r\netag: "1"\r\n\r\n`);
    await using front = startConductor({ services: [all(backend)] });
    const raw = await exchangeRaw(front.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertMatch(raw, new RegExp(`^HTTP/1.1 ${status} `));
    assertMatch(raw, /etag: "1"/i);
    assert(!/content-length: [1-9]|transfer-encoding/i.test(raw), raw);
    assert(raw.endsWith("\r\n\r\n"), raw);
  });
}

Deno.test("headers are set and removed according to the service's configuration", async () => {
  await using backend = startBackend(() =>
    new Response("ok", { headers: { "server": "x", "x-frame-options": "ALLOW" } })
  );
  await using front = startConductor({
    services: [
      all(backend, {
        headers: { "X-Proxy-Service": "api", "accept": "application/json" },
        removeHeaders: ["Cookie", "authorization"],
        responseHeaders: { "X-Frame-Options": "DENY" },
      }),
    ],
  });
  const response = await fetch(front.url, { headers: { cookie: "sid=1", authorization: "Bearer x", accept: "a/b" } });
  await response.text();
  const { headers } = backend.seen[0]!;
  assertEquals(headers.get("x-proxy-service"), "api");
  assertEquals(headers.get("accept"), "application/json");
  assertEquals([headers.get("cookie"), headers.get("authorization")], [null, null]);
  assertEquals(response.headers.get("x-frame-options"), "DENY");
  assertEquals(response.headers.get("server"), "x");
});

Deno.test("X-Conductor-Service of a service is removed", async () => {
  await using backend = startBackend(() => new Response("ok", { headers: { "x-conductor-service": "evil" } }));
  await using front = startConductor({ identify: false, services: [all(backend)] });
  const response = await fetch(front.url);
  await response.text();
  assertEquals(response.headers.get("x-conductor-service"), null);
});

Deno.test("a request that returns to the same conductor gets 508", async () => {
  let frontUrl = "";
  // The detour is needed because the front's address is known only after it has been configured.
  await using detour = startBackend(async (request) => {
    const headers = new Headers(request.headers);
    headers.delete("host");
    const response = await fetch(frontUrl + new URL(request.url).pathname, { headers });
    return new Response(await response.text(), { status: response.status });
  });
  await using front = startConductor({ services: [all(detour)] });
  frontUrl = front.url;
  const response = await fetch(`${front.url}/round`);
  assertEquals(response.status, 508);
  await response.text();
  assertEquals(detour.seen.length, 1);
});

for (const method of ["GET", "DELETE", "OPTIONS", "POST"]) {
  Deno.test(`a ${method} without a body reaches the service without one`, async () => {
    await using backend = canned("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    await using front = startConductor({ services: [all(backend)] });
    await exchangeRaw(front.port, `${method} /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    assertMatch(backend.heads[0]!, new RegExp(`^${method} /x `));
    assert(!/transfer-encoding|content-length: [1-9]/i.test(backend.heads[0]!), backend.heads[0]);
  });
}

Deno.test("a large upload reaches every service whole", async () => {
  const digest = async (request: Request, body: string) => {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
    return new Response(`${body.length} ${new Uint8Array(bytes).toHex()} ${request.headers.get("content-type")}`);
  };
  await using primary = startBackend(digest);
  await using secondary = startBackend(digest);
  await using shadow = startBackend(digest);
  await using front = startConductor({
    services: [all(primary), { ...all(secondary), name: "s" }, { ...all(shadow), name: "x", shadow: true }],
    bodyWindow: "16MiB",
  });
  const body = "0123456789abcdef".repeat(512 * 1024);
  const response = await fetch(front.url, { method: "PUT", body, headers: { "content-type": "a/b" } });
  assertMatch(await response.text(), new RegExp(`^${body.length} [0-9a-f]{64} a/b$`));
  await shadow.received(1);
  for (const { seen } of [primary, secondary, shadow]) assert(seen[0]!.body === body, "the body arrived changed");
});

Deno.test("a secondary that stops reading is cut off, and the primary's upload continues", async () => {
  await using primary = startBackend((_, body) => new Response(String(body.length)));
  await using stuck = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(1024));
    await new Promise(() => {});
  });
  await using front = startConductor({
    services: [{ ...all(primary), primary: true }, { ...all(stuck), name: "stuck" }],
  });
  const size = 32 * 1024 * 1024;
  const response = await fetch(front.url, { method: "POST", body: new Uint8Array(size) });
  assertEquals(await response.text(), String(size));
  const settled = await front.event((event) => event.type === "settled" && event.service === "stuck");
  assertEquals(settled.type === "settled" && settled.failure, "body-lag");
});

Deno.test("a body larger than maxBodySize gets 413, with and without a Content-Length", async () => {
  await using backend = startBackend();
  await using front = startConductor({ maxBodySize: "10KiB", services: [all(backend)] });
  const announced = await fetch(front.url, { method: "POST", body: new Uint8Array(10_241) });
  assertEquals([announced.status, (await announced.json()).title], [413, "Content Too Large"]);
  assertEquals(backend.seen.length, 0);
  const chunk = "2000\r\n" + "x".repeat(0x2000) + "\r\n";
  const grown = await exchangeRaw(
    front.port,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
  );
  assertMatch(grown, /^HTTP\/1\.1 413 /);
  const fits = await fetch(front.url, { method: "POST", body: new Uint8Array(10_240) });
  assertEquals(await fits.text(), "ok");
});

Deno.test("an upload that the client aborts never looks complete to a service", async () => {
  const framings = [
    ["Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "abc\r\n"],
    ["Content-Length: 100000\r\n\r\nabc", "abc"],
  ] as const;
  for (const [framing, arriving] of framings) {
    const arrived = Promise.withResolvers<void>();
    const rest = Promise.withResolvers<string>();
    await using backend = startRawBackend(async (connection) => {
      assertMatch(await readUntil(connection, arriving), new RegExp(framing.split("\r\n")[0]!, "i"));
      arrived.resolve();
      rest.resolve(await readUntil(connection, "\0never\0").catch(() => ""));
    });
    await using front = startConductor({ services: [all(backend)] });
    const client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await client.write(new TextEncoder().encode(`POST / HTTP/1.1\r\nHost: h\r\n${framing}`));
    await arrived.promise;
    client.close();
    const settled = await front.event((event) => event.type === "settled");
    assertEquals(settled.type === "settled" && settled.failure, "aborted");
    assertEquals(await rest.promise, "", "more bytes were sent, which could look like the end of the body");
  }
});

Deno.test("conductor() throws a list of every problem for a bad configuration", () => {
  const services = [{ name: "a", url: "ftp://x", pathPrefx: "/api" }];
  let message = "";
  try {
    // deno-lint-ignore no-explicit-any
    startConductor({ services, prot: 1 } as any);
  } catch (error) {
    message = String(error);
  }
  for (const part of ["services[0].url", "pathPrefx", "pathPrefix", "prot"]) assertStringIncludes(message, part);
});

Deno.test("errors of an observer have no effect", async () => {
  await using backend = startBackend();
  const { conductor } = await import("@zeek/conductor");
  const handle = conductor({ services: [all(backend), { name: "down", url: refusingUrl() }] }, {
    observe() {
      throw new Error("observer");
    },
  });
  const response = await handle(new Request("http://h/x"));
  assertEquals(await response.text(), "ok");
});
