/** The proxy without a server: a `ClientRequest` in, a `ClientResponse` out. */

import { assertEquals, assertRejects } from "@std/assert";
import { conductor, type Transport, type UpstreamRequest } from "@zeek/conductor";
import type { HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { ClientRequest } from "../../src/http/client_request.ts";
import type { ClientResponse } from "../../src/http/client_response.ts";
import { createProxyHandler } from "../../src/proxy/handler.ts";

const HEADERS: readonly HeaderLine[] = [["Host", "shop.example"], ["Accept", "text/plain"], ["X-A", "1"], ["x-a", "2"]];

function request(path: string, more: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: "GET",
    target: { scheme: "http", authority: "shop.example", path, query: "?q=1" },
    headers: HEADERS,
    body: null,
    connection: { remoteAddr: { hostname: "192.0.2.7" } },
    signal: new AbortController().signal,
    ...more,
  };
}

/** Sends one request to a service on `/api`, and records the requests to the service. */
async function respond(client: ClientRequest): Promise<{ response: ClientResponse; sent: UpstreamRequest[] }> {
  const sent: UpstreamRequest[] = [];
  const transport: Transport = ({ method, origin, target, host, headers }) => {
    sent.push({ method, origin, target, host, headers });
    const headersSent: HeaderLine[] = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Connection", "close"]];
    return Promise.resolve({
      ok: true,
      response: { status: 201, headers: headersSent, body: new TextEncoder().encode("hello") },
    });
  };
  const { config } = validateConfig({ services: [{ name: "a", url: "http://a.test", pathPrefix: "/api" }] });
  const response = await createProxyHandler(config, { transport })(client);
  return { response, sent };
}

Deno.test("createProxyHandler() forwards header lines of any case, and relays lines without merging them", async () => {
  const { response, sent } = await respond(request("/api/users"));
  assertEquals(sent.map(({ origin, target }) => origin + target), ["http://a.test/api/users?q=1"]);
  const names = new Set(["Host", "X-A", "x-a", "x-forwarded-for", "x-forwarded-host"]);
  assertEquals(sent[0]?.headers.filter(([name]) => names.has(name)), [
    ["X-A", "1"],
    ["x-a", "2"],
    ["x-forwarded-for", "192.0.2.7"],
    ["x-forwarded-host", "shop.example"],
  ]);
  assertEquals(response.status, 201);
  const id = sent[0]?.headers.find(([name]) => name === "x-request-id");
  assertEquals(response.headers, [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["x-conductor-service", "a"], id!]);
  assertEquals(response.body, new TextEncoder().encode("hello"));
});

Deno.test("createProxyHandler() returns a local reply in the format that the client accepts", async () => {
  const { response, sent } = await respond(request("/none"));
  assertEquals(response.status, 404);
  const id = response.headers.find(([name]) => name === "x-request-id")!;
  assertEquals(response.headers, [
    ["cache-control", "no-store"],
    id,
    ["content-type", "text/plain; charset=utf-8"],
    ["x-content-type-options", "nosniff"],
  ]);
  assertEquals([response.body, sent], [`404 Not Found: No route matches this path\nRequest id: ${id[1]}\n`, []]);
});

for (const [name, headers] of [["missing", []], ["empty", [["Host", ""]]]] as const) {
  Deno.test(`createProxyHandler() refuses a request whose Host is ${name}`, async () => {
    const target = { scheme: "http", authority: "localhost:80", path: "/api", query: "" };
    const { response, sent } = await respond(
      request("/api", { target, headers, connection: { defaultAuthority: "localhost:80" } }),
    );
    assertEquals([response.status, sent], [400, []]);
  });
}

Deno.test("a response with invalid header lines rejects, and its body is cancelled", async () => {
  let cancelled = 0;
  const transport: Transport = () => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: () => void cancelled++ });
    return Promise.resolve({ ok: true, response: { status: 200, headers: [["no name", "x"]], body } });
  };
  const services = [{ name: "a", url: "http://a.test" }];
  const handle = conductor({ limits: { maxInFlight: 1 }, services }, { transport });
  // The second request needs the permit of the first.
  for (let count = 0; count < 2; count++) {
    await assertRejects(() => handle(new Request("http://h/")), TypeError);
  }
  assertEquals(cancelled, 2);
});
