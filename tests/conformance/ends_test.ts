/** Ends of exchanges: aborted attempts, their delay, and their connections. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { exchangeOnce, parseRawResponse, readToEnd } from "../_support/raw_response.ts";
import { type SocketBackend, startSocketBackend } from "../_support/socket_backend.ts";
import { readUntil, startListening } from "../_support/servers.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_CLOSE = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const LARGE_BYTES = 1_000_000;
/** A client that disconnects aborts attempts at once (docs/reference/http-behaviour.md). */
const ABORT_WITHIN_MS = 100;
/** Maximum runs of a timed test. The fastest run counts, so that a busy machine does not fail the test. */
const MAX_RUNS = 10;

interface Hanging extends SocketBackend {
  /** Resolves when a request has arrived. */
  readonly received: Promise<void>;
  /** Resolves with the time when the connection was closed. */
  readonly goneMs: Promise<number>;
}

/** Starts a backend that never completes a response. `begin`: first part of the response. */
async function startHanging(begin = ""): Promise<Hanging> {
  const received = Promise.withResolvers<void>();
  const goneMs = Promise.withResolvers<number>();
  const backend = await startSocketBackend(async (_, { write, gone }) => {
    received.resolve();
    await write(begin);
    await gone;
    goneMs.resolve(performance.now());
  });
  return { ...backend, received: received.promise, goneMs: goneMs.promise };
}

// Columns: the name; the part of the response that was sent when the client disconnects.
const MOMENTS: readonly (readonly [name: string, begin: string])[] = [
  ["before the head", ""],
  ["in the middle of the body", `HTTP/1.1 200 OK\r\ncontent-length: ${LARGE_BYTES}\r\n\r\nhalf`],
];

// Columns: the name; head and beginning of an incomplete response.
const FRAMINGS: readonly (readonly [name: string, head: string])[] = [
  ["with a Content-Length", `content-length: ${LARGE_BYTES}\r\n\r\n${"a".repeat(70_000)}`],
  ["in chunks", `transfer-encoding: chunked\r\n\r\n11170\r\n${"a".repeat(70_000)}\r\n`],
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const [name, begin] of MOMENTS) {
    Deno.test(`a client that disconnects ${name} aborts the primary and the secondary within ${ABORT_WITHIN_MS} ms over ${over}`, async () => {
      let fastestMs = Infinity;
      for (let run = 0; run < MAX_RUNS && fastestMs >= ABORT_WITHIN_MS; run++) {
        await using primary = await startHanging(begin);
        await using secondary = await startHanging();
        await using front = await startListening(listener, {
          wait: "primary",
          services: [
            { name: "primary", url: primary.url, primary: true },
            { name: "secondary", url: secondary.url },
          ],
        }, { transport: create() });
        const client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
        await client.write(new TextEncoder().encode(GET));
        await Promise.all([primary.received, secondary.received]);
        if (begin !== "") await readUntil(client, "half");
        const disconnectedMs = performance.now();
        client.close();
        const ends = await Promise.all([primary.goneMs, secondary.goneMs]);
        fastestMs = Math.min(fastestMs, Math.max(...ends) - disconnectedMs);
      }
      assertLess(fastestMs, ABORT_WITHIN_MS);
    });

    Deno.test(`a client that disconnects ${name} does not abort a shadow request over ${over}`, async () => {
      await using primary = await startHanging(begin);
      const shadowResponse = Promise.withResolvers<void>();
      await using shadow = await startSocketBackend(async (_, { write }) => {
        await shadowResponse.promise;
        await write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      });
      await using front = await startListening(listener, {
        services: [{ name: "primary", url: primary.url }, { name: "shadow", url: shadow.url, shadow: true }],
      }, { transport: create() });
      const client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
      await client.write(new TextEncoder().encode(GET));
      await primary.received;
      if (begin !== "") await readUntil(client, "half");
      client.close();
      await primary.goneMs;
      shadowResponse.resolve();
      const settled = await front.event((event) => event.type === "settled" && event.service === "shadow");
      assertEquals(settled.type === "settled" && settled.status, 200);
    });
  }

  Deno.test(`a timeout closes the connection, and the next request gets another, over ${over}`, async () => {
    const ordinals: number[] = [];
    const gone = Promise.withResolvers<void>();
    await using backend = await startSocketBackend(async ({ ordinal }, connection) => {
      ordinals.push(ordinal);
      if (ordinals.length > 1) return await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      await connection.gone;
      gone.resolve();
    });
    await using front = await startListening(listener, {
      services: [{ name: "a", url: backend.url, timeout: "500ms" }],
    }, {
      transport: create(),
    });
    assertEquals((await exchangeOnce(front.port, GET_CLOSE)).status, 502);
    await gone.promise;
    assertEquals((await exchangeOnce(front.port, GET_CLOSE)).body, "ok");
    assertEquals(ordinals, [1, 1]);
  });

  Deno.test(`a small unselected body is drained, so that its connection is reused, over ${over}`, async () => {
    const ordinals: number[] = [];
    const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nloser\r\n0\r\n\r\n";
    await using loser = await startSocketBackend(async ({ ordinal }, { write }) => {
      ordinals.push(ordinal);
      await write(chunked);
    });
    await using primary = await startSocketBackend((_, { write }) =>
      write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    );
    await using front = await startListening(listener, {
      services: [{ name: "primary", url: primary.url, primary: true }, { name: "loser", url: loser.url }],
    }, { transport: create() });
    for (let request = 0; request < 3; request++) await exchangeOnce(front.port, GET_CLOSE);
    assertEquals(ordinals, [1, 2, 3]);
  });

  Deno.test(`an endless unselected body is cancelled, and its connection closed, over ${over}`, async () => {
    const gone = Promise.withResolvers<void>();
    await using loser = await startSocketBackend(async (_, connection) => {
      connection.gone.then(gone.resolve);
      await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (let turn = 0; turn < 1_000; turn++) await connection.write(`4000\r\n${"x".repeat(0x4000)}\r\n`);
    });
    await using primary = await startSocketBackend((_, { write }) =>
      write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    );
    await using front = await startListening(listener, {
      services: [{ name: "primary", url: primary.url, primary: true }, { name: "loser", url: loser.url }],
    }, { transport: create() });
    assertEquals((await exchangeOnce(front.port, GET_CLOSE)).body, "ok");
    await gone.promise;
  });

  for (const role of ["shadow", "secondary"] as const) {
    Deno.test(`a slow body of a ${role} is cancelled when its timeout for the whole body has passed, over ${over}`, async () => {
      const gone = Promise.withResolvers<void>();
      let hasGone = false;
      await using dripping = await startSocketBackend(async (_, connection) => {
        connection.gone.then(() => hasGone = true).then(() => gone.resolve());
        await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        // Never silent for the whole timeout, and much longer than the test.
        for (let turn = 0; turn < 10_000 && !hasGone; turn++) {
          await connection.write("1\r\nx\r\n");
          await Promise.race([delay(20), connection.gone]);
        }
      });
      await using primary = await startSocketBackend((_, { write }) =>
        write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
      );
      await using front = await startListening(listener, {
        wait: "primary",
        timeout: "500ms",
        services: [
          { name: "primary", url: primary.url, primary: true },
          { name: "dripping", url: dripping.url, shadow: role === "shadow" },
        ],
      }, { transport: create() });
      assertEquals((await exchangeOnce(front.port, GET_CLOSE)).body, "ok");
      await gone.promise;
    });
  }

  for (const [name, rest] of FRAMINGS) {
    for (const ending of ["close", "reset"] as const) {
      Deno.test(`a primary's body ${name} that ends in a ${ending} cuts the client without a byte of another response, over ${over}`, async () => {
        const proceed = Promise.withResolvers<void>();
        await using primary = await startSocketBackend(async (_, connection) => {
          await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
          await proceed.promise;
          connection[ending]();
        });
        await using secondary = await startSocketBackend((_, { write }) =>
          write(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGE_BYTES}\r\n\r\n${"b".repeat(LARGE_BYTES)}`)
        );
        await using front = await startListening(listener, {
          services: [{ name: "primary", url: primary.url, primary: true }, { name: "secondary", url: secondary.url }],
        }, { transport: create() });
        using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
        await client.write(new TextEncoder().encode(GET));
        const begin = await readUntil(client, "aaaa");
        proceed.resolve();
        const { status, body, whole } = parseRawResponse(begin + await readToEnd(client));
        assertEquals([status, whole], [200, false]);
        assert(/^a+$/.test(body), "the body contains bytes of another response");
        const event = await front.event(({ type }) => type === "interrupted");
        assertEquals(event.type === "interrupted" && [event.service, event.failure], ["primary", "reset"]);
      });
    }
  }
}
