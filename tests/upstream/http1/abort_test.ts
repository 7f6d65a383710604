/** Aborting an exchange at any point frees its descriptor at once. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { deadline } from "@std/async/deadline";
import type { TransportRequest, TransportResult } from "@zeek/conductor";
import { UpstreamFailure } from "../../../src/upstream/transport.ts";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { CAN_COUNT_CONNECTIONS, countConnectionsTo } from "../../_support/ports.ts";
import { readUntil, startRawBackend, type TestServer } from "../../_support/servers.ts";
import { bodyOf, outcomeOf, transportRequest } from "../../_support/transports.ts";

const MIB = 1024 * 1024;
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LARGE = `HTTP/1.1 200 OK\r\ncontent-length: ${MIB}\r\n\r\n`;

/** The tests count connections in /proc. */
const NEEDS_PROC = { ignore: !CAN_COUNT_CONNECTIONS };

interface HoldingBackend extends TestServer {
  /** Resolves when a connection has reached the end of the script. */
  readonly reached: Promise<void>;
}

/** Starts a backend that reads to a mark, sends bytes, and keeps the connection open. An empty mark reads nothing. */
function startHolding(readTo: string, bytes: string): HoldingBackend {
  const reached = Promise.withResolvers<void>();
  const backend = startRawBackend(async (connection) => {
    if (readTo !== "") await readUntil(connection, readTo);
    await connection.write(new TextEncoder().encode(bytes));
    reached.resolve();
    await new Promise(() => {});
  });
  return { ...backend, reached: reached.promise };
}

/** Waits for at most 5 s until no connection to a backend is open. */
async function untilFreed({ port }: HoldingBackend): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (countConnectionsTo(port) > 0) {
    if (performance.now() > deadlineMs) assertEquals(countConnectionsTo(port), 0);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

interface Moment {
  readonly name: string;
  readonly more?: () => Partial<TransportRequest>;
  /** The backend reads to this mark, and sends `sent`, before the abort. */
  readonly readTo: string;
  readonly sent?: string;
  /** Abort without waiting for the backend. */
  readonly atOnce?: boolean;
}

const HEAD_END = "\r\n\r\n";

/** Returns a body that stalls after its first piece. */
function endlessBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("piece")) });
}

/** Returns a body without end. */
function floodingBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
}

/** Moments before the end of the response. */
const MOMENTS: readonly Moment[] = [
  { name: "while it connects", readTo: HEAD_END, atOnce: true },
  {
    name: "while it sends a head that is not read",
    readTo: "",
    more: () => ({ headers: [["x", "a".repeat(16 * MIB)]] }),
  },
  {
    name: "while it sends bytes that are not read",
    readTo: HEAD_END,
    more: () => ({ method: "POST", body: new Uint8Array(32 * MIB) }),
  },
  {
    name: "while it sends a stream that is not read",
    readTo: HEAD_END,
    more: () => ({ method: "POST", body: floodingBody() }),
  },
  {
    name: "while it waits for more of a body",
    readTo: "piece\r\n",
    more: () => ({ method: "POST", body: endlessBody() }),
  },
  { name: "while it waits for the head", readTo: HEAD_END },
  { name: "in the middle of the head", readTo: HEAD_END, sent: "HTTP/1.1 200 OK\r\nx" },
  { name: "after an interim response", readTo: HEAD_END, sent: "HTTP/1.1 103 X\r\n\r\n" },
  { name: "in the middle of a small body", readTo: HEAD_END, sent: OK.slice(0, -1) },
];

for (const { name, more = () => ({}), readTo, sent = "", atOnce = false } of MOMENTS) {
  Deno.test(`an exchange that is aborted ${name} fails as aborted, and frees its descriptor`, NEEDS_PROC, async () => {
    await using backend = startHolding(readTo, sent);
    const controller = new AbortController();
    const onHead = Promise.withResolvers<void>();
    const exchange = http1Transport()(
      transportRequest(backend.url, { ...more(), signal: controller.signal, onHead: onHead.resolve }),
    );
    if (!atOnce) await backend.reached;
    if (name.endsWith("small body")) await deadline(onHead.promise, 10_000);
    controller.abort();
    assertEquals(outcomeOf(await exchange), "aborted");
    await untilFreed(backend);
  });
}

Deno.test(
  "exchanges that are aborted while they connect free their descriptors",
  NEEDS_PROC,
  async () => {
    await using backend = startHolding("", "");
    const transport = http1Transport();
    const abort = (controller: AbortController) => {
      controller.abort();
      // Meanwhile, other exchanges connect, and are aborted before they are notified.
      for (const startMs = performance.now(); performance.now() - startMs < 0.3;);
    };
    for (let round = 0; round < 30; round++) {
      const exchanges = Array.from({ length: 20 }, () => {
        const controller = new AbortController();
        setTimeout(abort, 1, controller);
        return transport(transportRequest(backend.url, { signal: controller.signal }));
      });
      for (const exchange of exchanges) assertEquals(outcomeOf(await exchange), "aborted");
    }
    await untilFreed(backend);
  },
);

Deno.test("an exchange that was aborted before it started opens no connection", NEEDS_PROC, async () => {
  await using backend = startHolding(HEAD_END, OK);
  const request = transportRequest(backend.url, { signal: AbortSignal.abort() });
  assertEquals(outcomeOf(await http1Transport()(request)), "aborted");
  await untilFreed(backend);
});

Deno.test(
  "an exchange that was aborted before it started sends nothing over an idle connection",
  NEEDS_PROC,
  async () => {
    const heads: string[] = [];
    await using backend = startRawBackend(async (connection) => {
      for (let head; (head = await readUntil(connection)) !== ""; heads.push(head)) {
        await connection.write(new TextEncoder().encode(OK));
      }
    });
    const transport = http1Transport();
    const signals = [new AbortController().signal, AbortSignal.abort(), new AbortController().signal];
    const outcomes: string[] = [];
    for (const signal of signals) outcomes.push(outcomeOf(await transport(transportRequest(backend.url, { signal }))));
    assertEquals([outcomes, heads.length], [["status 200", "aborted", "status 200"], 2]);
  },
);

function streamOf(result: TransportResult): ReadableStream<Uint8Array<ArrayBuffer>> {
  assert(result.ok && result.response.body instanceof ReadableStream);
  return result.response.body;
}

for (const isRead of [true, false]) {
  Deno.test(
    `a large body that is ${isRead ? "" : "not "}being read fails as aborted, and frees its descriptor`,
    NEEDS_PROC,
    async () => {
      await using backend = startHolding(HEAD_END, `${LARGE}begin`);
      const controller = new AbortController();
      const request = transportRequest(backend.url, { signal: controller.signal });
      const reader = streamOf(await http1Transport()(request)).getReader();
      const reading = isRead ? reader.read().then(() => reader.read()) : undefined;
      controller.abort();
      await untilFreed(backend);
      const error = await assertRejects(async () => {
        await reading;
        for (;;) if ((await reader.read()).done) return;
      }, UpstreamFailure);
      assertEquals(error.kind, "aborted");
    },
  );
}

Deno.test("a large body that is cancelled frees its descriptor", NEEDS_PROC, async () => {
  await using backend = startHolding(HEAD_END, `${LARGE}begin`);
  const body = streamOf(await http1Transport()(transportRequest(backend.url)));
  assertEquals(countConnectionsTo(backend.port), 1);
  await body.cancel();
  await untilFreed(backend);
});

Deno.test(
  "a backend that has responded without reading the request does not keep the connection",
  NEEDS_PROC,
  async () => {
    await using backend = startHolding(HEAD_END, OK);
    const request = transportRequest(backend.url, { method: "POST", body: new Uint8Array(32 * MIB) });
    assertEquals(await bodyOf(await http1Transport()(request)), "ok");
    await untilFreed(backend);
  },
);

Deno.test(
  "a signal that aborts after its exchange does not affect the next one on the connection",
  NEEDS_PROC,
  async () => {
    let connections = 0;
    await using backend = startRawBackend(async (connection) => {
      connections++;
      while (await readUntil(connection) !== "") await connection.write(new TextEncoder().encode(OK));
    });
    const transport = http1Transport();
    const controllers = [new AbortController(), new AbortController(), new AbortController()];
    for (const controller of controllers) {
      const exchange = transport(transportRequest(backend.url, { signal: controller.signal }));
      controllers[controllers.indexOf(controller) - 1]?.abort();
      assertEquals(await bodyOf(await exchange), "ok");
      assertEquals(await bodyOf(await transport(transportRequest(backend.url))), "ok");
    }
    assertEquals(connections, 1);
  },
);
