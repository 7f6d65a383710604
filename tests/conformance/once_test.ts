/**
 * No request reaches a backend twice when connections die. GET, HEAD and OPTIONS without a body may be repeated once,
 * if a reused connection dies before the response (RFC 9110 §9.2.2).
 */

import { assert, assertEquals } from "@std/assert";
import { exchangeOnce } from "../_support/raw_response.ts";
import { type SocketConnection, startSocketBackend } from "../_support/socket_backend.ts";
import { readUntil, startListening, startRawBackend } from "../_support/servers.ts";
import { COMBINATIONS, type TransportName } from "../_support/transports.ts";

const RESPONSE = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Death of a reused connection. */
interface Death {
  readonly name: string;
  /** True if the first bytes of a response are sent before. */
  readonly responses?: boolean;
  /** Called after a response. */
  afterResponse?(connection: SocketConnection): void;
  /** Called on the third request of the connection. */
  onReuse(connection: SocketConnection): Promise<void> | void;
}

const DEATHS: readonly Death[] = [
  {
    name: "closed after the response",
    afterResponse: ({ close }) => close(),
    onReuse: ({ close }) => close(),
  },
  {
    name: "reset after the response",
    afterResponse: ({ reset }) => reset(),
    onReuse: ({ reset }) => reset(),
  },
  { name: "closed on the next request", onReuse: ({ close }) => close() },
  { name: "reset on the next request", onReuse: ({ reset }) => reset() },
  {
    name: "closed after the first bytes of the next response",
    responses: true,
    async onReuse({ write, close }) {
      await write("HTTP/1.1 200 OK\r\ncont");
      close();
    },
  },
];

const BODIES: Readonly<Record<string, string>> = {
  "no body": "\r\n",
  "a body of known length": "Content-Length: 4\r\n\r\nbody",
  "a chunked body": "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
};

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"];

/** Deno drops the body of a GET, so conductor refuses one. */
const REQUESTS = METHODS.flatMap((method) =>
  Object.entries(BODIES)
    .filter(([body]) => body === "no body" || !["GET", "HEAD"].includes(method))
    .map(([body, rest]) => ({
      method,
      label: `${method} with ${body}`,
      repeatable: SAFE.has(method) && body === "no body",
      text: (path: string) => `${method} ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${rest}`,
    }))
);

/** The status of the response, and how often the backend receives the request. */
type Outcome = readonly [status: number, seen: number];

const OK: Outcome = [200, 1];
const REPEATED: Outcome = [200, 2];
const FAILED: Outcome = [502, 1];

/**
 * Over sockets, a request that must not be repeated may use a connection that was reused within the last second. It
 * fails if the connection dies at that moment. Over fetch, such a request has its own connection. Fetch also repeats a
 * GET after the first bytes of a response, which have not been relayed yet.
 */
function outcomeOf(over: TransportName, repeatable: boolean, death: Death): Outcome {
  if (over === "fetch") return repeatable ? REPEATED : OK;
  return repeatable && !death.responses ? REPEATED : FAILED;
}

for (const [over, create, listener, transport] of COMBINATIONS) {
  for (const death of DEATHS) {
    for (const { label, repeatable, text } of REQUESTS) {
      const [status, times] = outcomeOf(transport, repeatable, death);
      const outcome = `${status} and seen ${times === 1 ? "once" : "twice"} at most`;
      Deno.test(`${label} is ${outcome} if a reused connection is ${death.name}, over ${over}`, async () => {
        const seen: Record<string, number> = {};
        const died = new Set<string>();
        let gone: Promise<void> | undefined;
        await using backend = await startSocketBackend(async ({ head, ordinal }, connection) => {
          const path = head.split(" ")[1]!;
          seen[path] = (seen[path] ?? 0) + 1;
          if (ordinal > 2) {
            died.add(path);
            return await death.onReuse(connection);
          }
          await connection.write(head.startsWith("HEAD") ? RESPONSE.slice(0, -2) : RESPONSE);
          if (death.afterResponse === undefined) return;
          gone = connection.gone;
          death.afterResponse(connection);
        });
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
          transport: create(),
        });
        const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
        for (const path of ["/first", "/again", "/1", "/2", "/3", "/4", "/5"]) {
          const response = await exchangeOnce(front.port, /\d/.test(path) ? text(path) : get(path));
          assertEquals([path, response.status, seen[path]], [path, ...died.has(path) ? [status, times] : OK]);
          // The transport must notice an end that has arrived before the next request.
          if (transport === "sockets") await gone;
        }
        const canDie = death.afterResponse === undefined && (transport === "sockets" || repeatable);
        // Over fetch, a repeatable request may be sent before the end of the connection arrives.
        if (canDie || transport === "sockets" || !repeatable) assertEquals(died.size > 0, canDie);
        const failures = front.events.flatMap((event) => event.type === "settled" ? event.failure ?? [] : []);
        assertEquals(failures, Array(status === 502 ? died.size : 0).fill("reset"));
      });
    }
  }

  for (const [name, die] of [["closes", "close"], ["resets", "reset"]] as const) {
    for (const { label, text } of REQUESTS) {
      Deno.test(`${label} is seen once and gets 502 if a new connection ${name}, over ${over}`, async () => {
        let seen = 0;
        await using backend = await startSocketBackend((_, connection) => {
          seen++;
          connection[die]();
        });
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
          transport: create(),
        });
        const { status } = await exchangeOnce(front.port, text("/"));
        assertEquals([status, seen], [502, 1]);
      });
    }
  }

  Deno.test(`GET is seen twice at most if all of many reused connections die, over ${over}`, async () => {
    let dying = false;
    let seen = 0;
    const full = Promise.withResolvers<void>();
    const all = 8;
    await using backend = await startSocketBackend(async (_, { write, reset }) => {
      seen++;
      if (dying) return reset();
      if (seen === all) full.resolve();
      await full.promise; // So that each request has its own connection.
      await write(RESPONSE);
    });
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
      transport: create(),
    });
    const request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    await Promise.all(Array.from({ length: all }, () => exchangeOnce(front.port, request)));
    dying = true;
    seen = 0;
    assertEquals((await exchangeOnce(front.port, request)).status, 502);
    assert(seen <= 2, `the request was seen ${seen} times`);
  });

  Deno.test(`no connection has two requests at a time, over ${over}`, async () => {
    let seen = 0;
    let connections = 0;
    let pipelined = 0;
    await using backend = startRawBackend(async (connection) => {
      connections++;
      for (let arriving = readUntil(connection, "body");;) {
        const text = await arriving;
        if (text === "") return;
        seen++;
        if (text.split("POST /").length !== 2) pipelined++;
        let responded = false;
        arriving = readUntil(connection, "body");
        arriving.then((next) => pipelined += next !== "" && !responded ? 1 : 0, () => {});
        await new Promise((resolve) => setTimeout(resolve)); // In this turn, another request would be read.
        responded = true;
        await connection.write(new TextEncoder().encode(RESPONSE));
      }
    });
    await using front = await startListening(listener, {
      services: [
        { name: "primary", url: backend.url, primary: true },
        { name: "secondary", url: backend.url },
        { name: "shadow", url: backend.url, shadow: true },
      ],
    }, { transport: create() });
    const request = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    for (let round = 0; round < 2; round++) {
      const responses = await Promise.all(Array.from({ length: 15 }, () => exchangeOnce(front.port, request)));
      assertEquals(responses.map(({ status }) => status), Array(15).fill(200));
    }
    await front.event(() => seen === 90);
    assertEquals(pipelined, 0);
    // Over fetch, each unsafe request has its own connection.
    if (transport === "fetch") assertEquals(connections, 90);
  });
}
