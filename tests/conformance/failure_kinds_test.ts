/**
 * The table of docs/reference/outcomes.md: the failures that open a breaker, and those that a client can cause
 * alone. Each breaker opens on the first failure that counts.
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { SecondaryServiceInput } from "@zeek/conductor";
import { createServer } from "node:http";
import { toBytes } from "../_support/latin1.ts";
import { readToEnd } from "../_support/raw_response.ts";
import {
  type Front,
  readUntil,
  refusingUrl,
  startBackend,
  startConductor,
  startListening,
  startRawBackend,
} from "../_support/servers.ts";
import { type SocketConnection, type SocketRequest, startSocketBackend } from "../_support/socket_backend.ts";
import { startImpostor } from "../_support/tls_backends.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

type Respond = (request: SocketRequest, connection: SocketConnection) => Promise<void> | void;

/** One exchange: the service, the client's request, and the outcome. */
interface Scene {
  readonly name: string;
  /** Absent: nothing listens, unless `service` has another URL. */
  readonly respond?: Respond;
  readonly service?: Partial<SecondaryServiceInput>;
  readonly request?: string;
  /** Failure kind or status of the attempt. */
  readonly settles: string | number;
  readonly opens: boolean;
}

function fields(count: number): string {
  return Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join("");
}

function respondingWith(status: number): Respond {
  return (_, { write }) => write(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
}

const closing: Respond = (_, { close }) => close();
const resetting: Respond = (_, { reset }) => reset();
const hanging: Respond = () => {};

/** Failures that count, then failures that a client can cause. */
const SCENES: readonly Scene[] = [
  {
    name: "timeout: it does not respond",
    respond: hanging,
    service: { timeout: "50ms" },
    settles: "timeout",
    opens: true,
  },
  {
    name: "timeout: its head stops halfway",
    respond: (_, { write }) => write("HTTP/1.1 200 OK\r\n"),
    service: { timeout: "50ms" },
    settles: "timeout",
    opens: true,
  },
  { name: "refused: nothing listens", settles: "refused", opens: true },
  { name: "dns: its name does not exist", service: { url: "http://none.invalid" }, settles: "dns", opens: true },
  { name: "reset: it closes without a response", respond: closing, settles: "reset", opens: true },
  { name: "reset: it resets without a response", respond: resetting, settles: "reset", opens: true },
  {
    name: "reset: a small body is incomplete",
    respond: async (_, { write, close }) => {
      await write(OK.slice(0, -1));
      close();
    },
    settles: "reset",
    opens: true,
  },
  {
    name: "protocol: it does not speak HTTP",
    respond: async (_, { write, close }) => {
      await write("SSH-2.0-OpenSSH_9\r\n\r\n");
      close();
    },
    settles: "protocol",
    opens: true,
  },
  { name: "500", respond: respondingWith(500), settles: 500, opens: true },
  { name: "503", respond: respondingWith(503), settles: 503, opens: true },
  ...[501, 505, 508].map((status) => ({
    name: `${status}: the client chooses method, version and Via`,
    respond: respondingWith(status),
    settles: status,
    opens: false,
  })),
  ...[400, 404, 405, 408, 411, 413, 414, 416, 417, 421, 426, 429, 431].map((status) => ({
    name: `${status}: no failure`,
    respond: respondingWith(status),
    settles: status,
    opens: false,
  })),
  {
    name: "reset: it closes on a head of more than 8 KiB",
    respond: closing,
    request: GET.replace("\r\n\r\n", `\r\nCookie: ${"a".repeat(8_192)}\r\n\r\n`),
    settles: "reset",
    opens: false,
  },
  {
    name: "reset: it closes on a target of more than 8 KiB",
    respond: closing,
    request: GET.replace("/", `/?${"a".repeat(8_192)}`),
    settles: "reset",
    opens: false,
  },
  {
    name: "reset: it closes on an upload",
    respond: resetting,
    request: `${CHUNKED}2\r\nok\r\n0\r\n\r\n`,
    settles: "reset",
    opens: false,
  },
  {
    name: "head-too-large: it reflects more than fits",
    respond: ({ head }, { write }) =>
      write(`HTTP/1.1 302 X\r\n${"location: ".concat(head.slice(4, 30_000), "\r\n").repeat(9)}\r\n`),
    request: GET.replace("/", `/?${"a".repeat(31_000)}`),
    settles: "head-too-large",
    opens: false,
  },
];

async function exchange(port: number, request: string): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(toBytes(request));
  return Number((await readToEnd(connection)).slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
}

/** Outcomes of the attempts, and the breaker's state. */
function resultOf({ events }: Pick<Front, "events">): { settled: (string | number | undefined)[]; opened: boolean } {
  const settled = events.flatMap((event) => event.type === "settled" ? [event.failure ?? event.status] : []);
  return { settled, opened: events.some((event) => event.type === "breaker" && event.state === "open") };
}

/**
 * A SETTINGS frame, then GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §7): another client has cancelled too many requests.
 */
const CALM_DOWN = "\0\0\0\x04\0\0\0\0\0" + "\0\0\x08\x07\0\0\0\0\0" + "\0\0\0\0" + "\0\0\0\x0b";

for (
  const [when, farewell] of [["without a reason", ""], ["because one client cancels too much", CALM_DOWN]] as const
) {
  Deno.test(`reset: it closes an HTTP/2 connection, which clients share, ${when}: the breaker stays closed`, async () => {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection, "SM\r\n\r\n");
      await connection.write(toBytes(farewell));
    });
    await using front = startConductor({
      services: [{ name: "a", url: backend.url, http2: true, breaker: { failures: 1 } }],
    });
    await exchange(front.port, GET);
    assertEquals(resultOf(front), { settled: ["reset"], opened: false });
  });
}

for (const [over, create, listener] of COMBINATIONS) {
  for (const { name, respond, service, request = GET, settles, opens } of SCENES) {
    Deno.test(`${name}: the breaker ${opens ? "opens" : "stays closed"}, over ${over}`, async () => {
      await using backend = await startSocketBackend((request, connection) => respond?.(request, connection));
      const url = respond === undefined ? refusingUrl() : backend.url;
      await using front = await startListening(listener, {
        services: [{ name: "a", url, breaker: { failures: 1 }, ...service }],
      }, { transport: create() });
      await exchange(front.port, request);
      assertEquals(resultOf(front), { settled: [settles], opened: opens });
    });
  }

  Deno.test(`tls: a backend without TLS opens the breaker, over ${over}`, async () => {
    await using impostor = startImpostor(async (connection) => {
      await connection.write(toBytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await using front = await startListening(listener, {
      services: [{ name: "a", url: impostor.url, breaker: { failures: 1 } }],
    }, { transport: create() });
    await exchange(front.port, GET);
    assertEquals(resultOf(front), { settled: ["tls"], opened: true });
  });

  Deno.test(`an upload that takes longer than the timeout is no failure, over ${over}`, async () => {
    await using backend = await startSocketBackend((_, { write }) => write(OK));
    await using front = await startListening(listener, {
      services: [{ name: "a", url: backend.url, timeout: "100ms", breaker: { failures: 1 } }],
    }, { transport: create() });
    using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await client.write(toBytes(CHUNKED));
    for (let piece = 0; piece < 4; piece++) {
      await client.write(toBytes("1\r\nx\r\n"));
      await delay(150);
    }
    await client.write(toBytes("0\r\n\r\n"));
    await readToEnd(client);
    assertEquals(resultOf(front), { settled: [200], opened: false });
  });

  Deno.test(`a service that aborts a slow upload has not failed, over ${over}`, async () => {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
    });
    await using front = await startListening(listener, {
      services: [{ name: "a", url: backend.url, breaker: { failures: 1 } }],
    }, { transport: create() });
    using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await client.write(toBytes(`${CHUNKED}1\r\nx\r\n`));
    await front.event(({ type }) => type === "settled");
    assertEquals(resultOf(front), { settled: ["reset"], opened: false });
  });

  Deno.test(`body-lag: a secondary that does not read an upload has not failed, over ${over}`, async () => {
    const done = Promise.withResolvers<void>();
    await using main = startBackend();
    await using stuck = startRawBackend(async (connection) => {
      await readUntil(connection);
      await done.promise;
    });
    await using front = await startListening(listener, {
      bodyWindow: "64KiB",
      services: [
        { name: "main", url: main.url, primary: true },
        { name: "stuck", url: stuck.url, breaker: { failures: 1 } },
      ],
    }, { transport: create() });
    const body = new Uint8Array(8 << 20);
    const response = await fetch(front.url, { method: "POST", body });
    await response.body?.cancel();
    done.resolve();
    assertEquals(resultOf(front), { settled: ["body-lag", 200], opened: false });
  });
}

/** Unusual requests. None of them may make an exchange with a healthy service fail. */
const ODD_REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nExpect: 100-continue",
  "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0",
  "HEAD / HTTP/1.1",
  "HEAD / HTTP/1.1\r\nRange: bytes=9-1, 3-",
  "GET / HTTP/1.1\r\nRange: bytes=0-0, 5-6, -1\r\nIf-Range: x",
  "GET / HTTP/1.1\r\nIf-None-Match: *\r\nIf-Modified-Since: x",
  "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
  "DELETE / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
  "OPTIONS / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: host\r\n\r\n0\r\nHost: evil\r\nContent-Length: 5",
  "GET / HTTP/1.1\r\nTE: gzip, trailers;q=0.5\r\nTransfer-Encoding: chunked\r\n\r\n0",
  "GET / HTTP/1.1\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
  "POST / HTTP/1.1\r\nConnection: host, content-length, via, x-request-id, te, accept\r\nContent-Length: 2\r\n\r\nok",
  "POST / HTTP/1.1\r\nConnection: transfer-encoding, expect\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0",
  "GET / HTTP/1.1\r\nAccept-Encoding: gzip;q=x, *;q=0, \xff",
  "GET / HTTP/1.1\r\nKeep-Alive: timeout=0, max=0\r\nProxy-Connection: close",
  "PROPFIND / HTTP/1.1\r\nDepth: infinity",
  "PRI / HTTP/1.1",
  "!#$%&'*+-.^_`|~ / HTTP/1.1",
  `${"M".repeat(1_000)} / HTTP/1.1`,
  "get / HTTP/1.1",
  "GET / HTTP/1.0",
  `GET / HTTP/1.1\r\n${fields(90)}`,
  `GET /${"a/".repeat(3_000)} HTTP/1.1`,
  "GET http://other.example:99/ HTTP/1.1",
  "GET / HTTP/1.1\r\nVia: 1.1 a, 1.1 b, 1.1 c, 1.1 d, 1.1 e, 1.1 f, 1.1 g, 1.1 h, 1.1 i, 1.1 j, 1.1 k",
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const text of ODD_REQUESTS) {
    Deno.test(`${JSON.stringify(text.slice(0, 100))} makes no healthy service fail, over ${over}`, async () => {
      // Not the server of Deno, which may treat odd requests differently.
      const server = createServer((request, response) => {
        request.resume().once("end", () => response.end(request.method));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      {
        await using front = await startListening(listener, {
          services: [{ name: "a", url: `http://127.0.0.1:${port}`, breaker: { failures: 1 } }],
        }, { transport: create() });
        const [head = "", ...rest] = text.split("\r\n\r\n");
        const [line = "", ...lines] = head.split("\r\n").filter((line) => line !== "");
        await exchange(
          front.port,
          [[line, "Host: h", "Connection: close", ...lines].join("\r\n"), ...rest, ""].join("\r\n\r\n"),
        );
        // `fetch` cannot send `get`.
        const failures = resultOf(front).settled.filter((kind) => typeof kind === "string" && kind !== "unsendable");
        assertEquals([failures, resultOf(front).opened], [[], false]);
      }
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }
}
