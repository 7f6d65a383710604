/** Bodies of every size and pace over real sockets, in both directions. */

import { assert, assertEquals } from "@std/assert";
import { parseRawResponse, readToEnd } from "../_support/raw_response.ts";
import { readUntil, startBackend, startListening, startRawBackend } from "../_support/servers.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const MIB = 1024 * 1024;

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Returns bytes that reveal missing, repeated and overwritten pieces. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const words = new Uint32Array(bytes.buffer, 0, size >> 2);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761);
  return bytes;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Reads a body with a turn of the event loop between two reads, so that the sender has to wait. */
async function readSlowly(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body) {
    chunks.push(chunk);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return await new Blob(chunks).bytes();
}

/** Reads a request's body in either framing, and keeps only its last bytes. */
async function readToBodyEnd(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(262_144);
  const head = await readUntil(connection);
  let left = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? Infinity);
  left -= head.length - head.indexOf("\r\n\r\n") - 4;
  let end = "";
  while (left > 0 && end !== "0\r\n\r\n") {
    const count = await connection.read(buffer);
    if (count === null) return;
    left -= count;
    end = (end + new TextDecoder().decode(buffer.subarray(Math.max(0, count - 5), count))).slice(-5);
  }
}

/** Bytes after a valid chunk. */
const BROKEN_CHUNKS: readonly (readonly [name: string, bytes: string])[] = [
  ["an invalid chunk size", "zz\r\nabc\r\n0\r\n\r\n"],
  ["a chunk longer than its size", "3\r\nabcdef\r\n0\r\n\r\n"],
  ["a negative chunk size", "-3\r\nabc\r\n0\r\n\r\n"],
];

for (const [over, create, listener] of COMBINATIONS) {
  Deno.test(`bodies of 16 MiB arrive byte for byte in both directions with a slow reader, over ${over}`, async () => {
    const bytes = pattern(16 * MIB);
    const expected = await digest(bytes);
    const got: string[] = [];
    const serve = (slow: boolean) =>
      Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
        const body = slow ? await readSlowly(request.body!) : await request.bytes();
        got.push(await digest(body));
        return new Response(body);
      });
    await using primary = serve(true);
    await using secondary = serve(false);
    const services = [primary, secondary].map(({ addr }, index) => ({
      name: `s${index}`,
      url: `http://127.0.0.1:${addr.port}`,
      primary: index === 0,
    }));
    await using front = await startListening(listener, { bodyWindow: "64MiB", services }, { transport: create() });
    const response = await fetch(front.url, { method: "POST", body: bytes });
    assertEquals(await digest(await readSlowly(response.body!)), expected);
    assertEquals(got, [expected, expected]);
  });

  Deno.test(`server-sent events arrive one by one, over ${over}`, async () => {
    const requested = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    await using backend = startBackend(() => {
      let event = 0;
      const body = new ReadableStream({
        async pull(controller) {
          await requested[event]!.promise;
          controller.enqueue(encode(`data: ${event}\n\n`));
          if (++event === requested.length) controller.close();
        },
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    await using front = await startListening(listener, { services: [{ name: "sse", url: backend.url }] }, {
      transport: create(),
    });
    const response = await fetch(front.url);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (const [event, { resolve }] of requested.entries()) {
      resolve(); // The backend writes an event only now, so it cannot have arrived with the previous one.
      assertEquals((await reader.read()).value, `data: ${event}\n\n`);
    }
    assertEquals((await reader.read()).done, true);
  });

  Deno.test(`a body that arrives at once reaches fifty services completely, over ${over}`, async () => {
    const size = 200_000;
    const sizes: number[] = [];
    await using backend = startBackend((_, body) => {
      sizes.push(body.length);
      return new Response("ok");
    });
    const services = Array.from({ length: 50 }, (_, index) => ({ name: `s${index}`, url: backend.url }));
    await using front = await startListening(listener, { services }, { transport: create() });
    const response = await fetch(front.url, { method: "POST", body: "x".repeat(size) });
    assertEquals(await response.text(), "ok");
    assertEquals(sizes, Array(50).fill(size));
  });

  Deno.test(`a service that stops reading does not delay the primary's upload, over ${over}`, async () => {
    const size = 64 * MIB;
    await using primary = startRawBackend(async (connection) => {
      await readToBodyEnd(connection);
      await connection.write(encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
    });
    await using stuck = startRawBackend(async (connection) => {
      await connection.read(new Uint8Array(1024));
      await new Promise<void>(() => {});
    });
    const service = (name: string, url: string) => ({ name, url, primary: name === "primary" });
    const services = [service("primary", primary.url), service("stuck-a", stuck.url), service("stuck-b", stuck.url)];
    await using front = await startListening(listener, { services }, { transport: create() });
    const response = await fetch(front.url, { method: "POST", body: new Uint8Array(size) });
    assertEquals(await response.text(), "ok");
    // Services that the upload waited for would settle after the primary, with their timeout.
    const ends = front.events.flatMap((event) =>
      event.type === "settled" ? `${event.service} ${event.failure ?? event.status}` : []
    );
    assertEquals(ends, ["stuck-a body-lag", "stuck-b body-lag", "primary 200"]);
  });

  for (const [name, bytes] of BROKEN_CHUNKS) {
    Deno.test(`a client's body with ${name} gets 400, and looks complete to no service, over ${over}`, async () => {
      const arrived = Promise.withResolvers<void>();
      const rest = Promise.withResolvers<string>();
      await using backend = startRawBackend(async (connection) => {
        await readUntil(connection, "abc\r\n");
        arrived.resolve();
        rest.resolve(await readToEnd(connection));
      });
      await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
        transport: create(),
      });
      using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
      await client.write(encode("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
      await arrived.promise;
      await client.write(encode(bytes));
      const { status } = parseRawResponse(await readToEnd(client));
      assert(status === 400 || status === 0, `the client got ${status}`); // 0: Deno has cut the connection.
      const settled = await front.event(({ type }) => type === "settled");
      assertEquals(settled.type === "settled" && settled.failure, "aborted");
      assert(!(await rest.promise).includes("0\r\n\r\n"), "the body was ended as if it were complete");
    });
  }

  const framed = over.startsWith("sockets") ? "content-length: 100000" : "transfer-encoding: chunked"; // Fetch sends no length.
  Deno.test(`an upload with a known length is sent with ${framed}, over ${over}`, async () => {
    let seen = "";
    await using backend = startRawBackend(async (connection) => {
      seen = (await readUntil(connection)).toLowerCase();
      await connection.write(encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
      await readToEnd(connection);
    });
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
      transport: create(),
    });
    const response = await fetch(front.url, { method: "POST", body: new Uint8Array(100_000) });
    assertEquals(await response.text(), "ok");
    assertEquals(seen.match(/^(?:content-length|transfer-encoding): .*(?=\r$)/gm), [framed]);
  });

  Deno.test(`an early response reaches the client while its body is still being sent, over ${over}`, async () => {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
      await connection.write(encode("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"));
      while (await connection.read(new Uint8Array(65_536)) !== null);
    });
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
      transport: create(),
    });
    using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await client.write(encode(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${64 * MIB}\r\n\r\n${"x".repeat(1000)}`));
    const response = parseRawResponse(await readUntil(client, "\r\n\r\nno"));
    assertEquals([response.status, response.body], [403, "no"]);
  });

  Deno.test(`a body that exceeds maxBodySize gets 413, and looks complete to no service, over ${over}`, async () => {
    const bodies: string[] = [];
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let connections = 0;
    await using backend = startRawBackend(async (connection) => {
      const first = await readUntil(connection, "\r\n\r\n");
      begun[connections++]!.resolve();
      bodies.push(first + await readToEnd(connection));
    });
    await using front = await startListening(listener, {
      maxBodySize: "100KiB",
      services: ["a", "b"].map((name) => ({ name, url: backend.url })),
    }, { transport: create() });
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await client.write(
      encode(`POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`),
    );
    // Otherwise the limit might be exceeded before the request is sent to any service.
    await Promise.all(begun.map(({ promise }) => promise));
    await client.write(encode(`${chunk}0\r\n\r\n`));
    assertEquals(parseRawResponse(await readToEnd(client)).status, 413);
    const failures = front.events.map((event) => event.type === "settled" ? event.failure : undefined).filter(Boolean);
    assertEquals(failures, ["aborted", "aborted"]);
    for (const body of bodies) assert(!body.includes("\r\n0\r\n\r\n"), "the body was ended as if it were complete");
  });
}
