import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { validateConfig } from "../../src/config/validate.ts";
import { ClientResponse } from "../../src/http/client_response.ts";
import type { ClientRequest } from "../../src/http/client_request.ts";
import type { ProxyHandler } from "../../src/proxy/handler.ts";
import { openNodeListener } from "../../src/server/node_listener.ts";
import { exchangeRaw } from "../_support/servers.ts";

interface Opened extends AsyncDisposable {
  readonly port: number;
}

/** Opens a node listener with fields of a configuration. */
async function open(handle: ProxyHandler, fields: Record<string, unknown> = {}): Promise<Opened> {
  const { config } = validateConfig({ ...fields, services: [{ name: "a", url: "http://127.0.0.1:9" }] });
  const urgent = new AbortController();
  const listener = await openNodeListener(handle, {
    hostname: "127.0.0.1",
    port: 0,
    tls: undefined,
    reusePort: false,
    settings: () => ({ ...config, services: [{ ...config.services[0]!, upgrade: "any" }] }),
    onError: (error) => {
      throw error;
    },
    onRefused: () => {},
    urgent: urgent.signal,
  });
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      urgent.abort();
      await listener.close({ uploadTimeoutMs: 0, onClosed: () => Promise.resolve() });
      await listener.finished;
    },
  };
}

const UPGRADE = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, b/1\r\n\r\n";

Deno.test("the node listener hands over the connection of a 101, with the bytes that have arrived already", async () => {
  let request: ClientRequest | undefined;
  await using listener = await open((received) => {
    request = received;
    return Promise.resolve(
      new ClientResponse(101, [["Upgrade", "websocket"], ["Connection", "Upgrade"]], null, async (client) => {
        for (let chunk = await client.read(); chunk !== null; chunk = await client.read()) await client.write(chunk);
        await client.write(new TextEncoder().encode("|end"));
        client.end();
      }),
    );
  });
  assertEquals(
    await exchangeRaw(listener.port, UPGRADE + "early", { halfClose: true }),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly|end",
  );
  assertEquals(request?.upgrade, ["websocket", "b/1"]);
});

Deno.test("the node listener sends any other response to a request for an upgrade", async () => {
  await using listener = await open(() => Promise.resolve(new ClientResponse(401, [["X-A", "1"]], "no")));
  const response = await exchangeRaw(listener.port, UPGRADE);
  assertMatch(response, /^HTTP\/1.1 401 Unauthorized\r\nX-A: 1\r\n/);
  assertMatch(response, /\r\n\r\nno$/);
});

Deno.test("the node listener serves Upgrade: h2c as if it were not there, with its body", async () => {
  let upgrade: unknown;
  await using listener = await open(async (request) => {
    upgrade = request.upgrade;
    return new ClientResponse(200, [], await new Response(request.body).text());
  });
  const response = await exchangeRaw(
    listener.port,
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
  );
  assertStringIncludes(response, "\r\n\r\nabc");
  assertEquals(upgrade, undefined);
});
