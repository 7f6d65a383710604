/** Attackers that hold many permits with few bytes, while clients of other networks must be served. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";

import { type Attack, type AttackOptions, attackTest, IS_FULL, underAttack } from "../_support/attack.ts";
import { connectHttp2, type FloodRequest, type Http2FloodOptions } from "../_support/http2_flood.ts";
import { readUntil, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";
import type { WatchedConductor } from "../_support/cli_process.ts";

/** Maximum streams of one connection in Deno's server. */
const STREAMS = 200;
const MORE_STREAMS = 2;
/** `maxInFlight`. The short form uses less than the default, so that the attack can take all permits in time. */
const PLACES = IS_FULL ? 5_000 : 1_000;
const PAUSE_MS = 200;

interface FloodOptions extends Http2FloodOptions {
  readonly connections: number;
  readonly streams?: number;
  readonly requestOf: (connection: number) => FloodRequest;
}

/**
 * Opens streams on each connection, and some more after each pause, because the attack targets permits and not the CPU.
 */
function flood({ connections, streams = STREAMS, requestOf, ...options }: FloodOptions): Attack {
  return async ({ url }, signal) => {
    const floods = await Promise.all(Array.from({ length: connections }, () => connectHttp2(url, options)));
    for (let count = streams; !signal.aborted; count = MORE_STREAMS) {
      await Promise.all(floods.map((flood, index) => flood.send(requestOf(index), count).catch(() => {})));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    for (const flood of floods) flood[Symbol.dispose]();
  };
}

async function metricsText({ adminUrl }: WatchedConductor): Promise<string> {
  const response = await fetch(new URL("metrics", adminUrl), { headers: { accept: "text/plain" } });
  return await response.text();
}

async function expectRefusals(target: WatchedConductor, reason: string): Promise<void> {
  const counted = `conductor_refused_requests_total{route="path /",reason="${reason}"} `;
  assertMatch(await metricsText(target), new RegExp(`^${RegExp.escape(counted)}[1-9]`, "m"));
}

/** Attacks from 127.0.0.1, and expects that a client at 127.0.0.2 is served, with and without a body. */
async function expectService(attack: Attack, options: Partial<AttackOptions> & { readonly reason: string }) {
  await using backend = startBackend((request) => {
    if (!request.url.endsWith("/endless")) return new Response("ok");
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) }));
  });
  const report = await underAttack(attack, {
    services: [{ name: "a", url: backend.url }],
    config: { limits: { maxInFlight: PLACES } },
    probes: [{}, { method: "POST", body: "a small body" }],
    localAddress: "127.0.0.2",
    afterwards: (target) => expectRefusals(target, options.reason),
    ...options,
  });
  assertEquals(report.failures, 0);
  assertLess(report.growthMiB, 400);
  // The initial burst keeps the machine busy for a second. A lock-out would last for the timeout of 30 s.
  assertLess(report.attacked.p50Ms, 3_000 + 10 * report.calm.p50Ms);
}

const OPEN_UPLOAD: FloodRequest = { method: "POST", path: "/up", isOpen: true };

attackTest({
  name: "uploads of one client that never begin do not lock out requests and uploads of other clients",
  fn: () =>
    expectService(flood({ connections: PLACES / STREAMS, requestOf: () => OPEN_UPLOAD }), {
      reason: "max-uploads-per-client",
    }),
});

attackTest({
  name: "uploads that wait for 100 Continue and never begin do not lock out other clients",
  fn: () => {
    const headers = { expect: "100-continue", "content-length": "10" };
    const attack = flood({ connections: PLACES / STREAMS, requestOf: () => ({ ...OPEN_UPLOAD, headers }) });
    return expectService(attack, { reason: "max-uploads-per-client" });
  },
});

attackTest({
  name: "uploads of 20 clients behind a trusted proxy that never begin do not lock out other clients",
  fn: () => {
    const headersOf = (client: number) => ({ "x-forwarded-for": `192.0.2.${client}` });
    const attack = flood({
      connections: 20,
      streams: 60,
      requestOf: (client) => ({ ...OPEN_UPLOAD, headers: headersOf(client) }),
    });
    const config = { trustProxy: "127.0.0.0/8", limits: { maxInFlight: 1_000 } };
    return expectService(attack, { config, reason: "max-uploads-per-client" });
  },
});

attackTest({
  name: "a client that never reads its responses does not lock out other clients",
  fn: () => {
    const attack = flood({
      connections: 4,
      streams: 100,
      windowBytes: 0,
      requestOf: () => ({ method: "GET", path: "/endless" }),
    });
    const config = { limits: { maxInFlight: 200 } };
    return expectService(attack, { config, reason: "max-in-flight-per-client" });
  },
});

attackTest({
  name: "streams that are reset at once release their permits",
  fn: async () => {
    await using backend = startBackend();
    const requestOf = () => ({ method: "GET", path: "/reset", isReset: true }) as const;
    const report = await underAttack(flood({ connections: 4, streams: 10, requestOf }), {
      services: [{ name: "a", url: backend.url }],
      config: { limits: { maxInFlight: 60, maxInFlightPerClient: 20 } },
      localAddress: "127.0.0.2",
      afterwards: async (target) => {
        using client = await connectHttp2(target.url);
        await client.send(OPEN_UPLOAD, 20);
        for (let attempt = 0; attempt < 100; attempt++) {
          const [, inFlight] = /^conductor_requests_in_flight\{route="path \/"} (\d+)$/m.exec(
            await metricsText(target),
          )!;
          if (inFlight === "20") return;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        throw new Error("Cannot acquire every permit of a client after its streams were reset");
      },
    });
    assertEquals(report.failures, 0);
  },
});

/** Begins an upload, and returns its connection with the head of the response. */
async function beginUpload(port: number): Promise<[Deno.Conn, string]> {
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nx"));
  return [connection, await readUntil(connection)];
}

Deno.test("an upload that outlasts its response keeps its permit, and still needs the minimum rate", async () => {
  // The primary responds before it has read the body, as many servers do with 401.
  await using main = startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode("HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n"));
    await readUntil(connection, "never");
  });
  const ended = Promise.withResolvers<void>();
  await using other = startRawBackend(async (connection) => {
    await readUntil(connection, "never").catch(() => {});
    ended.resolve();
  });
  await using front = startConductor({
    wait: "primary",
    timeout: "1s",
    limits: { maxUploads: 1 },
    services: [{ name: "main", url: main.url, primary: true }, { name: "other", url: other.url }],
  });
  const [first, firstHead] = await beginUpload(front.port);
  assertMatch(firstHead, /^HTTP\/1\.1 401 /);
  const [second, secondHead] = await beginUpload(front.port);
  assertMatch(secondHead, /^HTTP\/1\.1 503 /);
  const dripping = setInterval(() => first.write(new Uint8Array(1)).catch(() => {}), 200);
  await ended.promise;
  clearInterval(dripping);
  const [third, thirdHead] = await beginUpload(front.port);
  assertMatch(thirdHead, /^HTTP\/1\.1 401 /);
  for (const connection of [first, second, third]) connection.close();
});
