/**
 * No request reaches a backend twice, whatever becomes of its connection; but GET, HEAD and OPTIONS without a body may be
 * tried again, once, where a used connection dies before there is an answer (RFC 9110 §9.2.2).
 */

import { assert, assertEquals } from "@std/assert";
import { exchangeOnce } from "../_support/raw_response.ts";
import { type SocketConnection, startSocketBackend } from "../_support/socket_backend.ts";
import { startConductor } from "../_support/servers.ts";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** How a connection dies that has been used before. */
interface Death {
  readonly name: string;
  /** After an answer. */
  afterAnswer?(connection: SocketConnection): void;
  /** On every further request of the connection. */
  onReuse(connection: SocketConnection): Promise<void> | void;
}

const DEATHS: readonly Death[] = [
  {
    name: "closed after the answer",
    afterAnswer: ({ close }) => close(),
    onReuse: ({ close }) => close(),
  },
  {
    name: "reset after the answer",
    afterAnswer: ({ reset }) => reset(),
    onReuse: ({ reset }) => reset(),
  },
  { name: "closed on the next request", onReuse: ({ close }) => close() },
  { name: "reset on the next request", onReuse: ({ reset }) => reset() },
  {
    name: "closed after the first bytes of the next answer",
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

for (const death of DEATHS) {
  for (const { method, label, repeatable, text } of REQUESTS) {
    const seenAs = repeatable ? "twice at most" : "once";
    Deno.test(`${label} is answered, and seen ${seenAs}, where a used connection is ${death.name}`, async () => {
      const seen: Record<string, number> = {};
      await using backend = await startSocketBackend(async ({ head, ordinal }, connection) => {
        const path = head.split(" ")[1]!;
        seen[path] = (seen[path] ?? 0) + 1;
        if (ordinal > 1) return await death.onReuse(connection);
        await connection.write(method === "HEAD" ? ANSWER.slice(0, -2) : ANSWER);
        death.afterAnswer?.(connection);
      });
      await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
      for (const path of ["/1", "/2", "/3", "/4", "/5"]) {
        const { status } = await exchangeOnce(front.port, text(path));
        assertEquals(status, 200);
        assert(seen[path] === 1 || (repeatable && seen[path] === 2), `${path} was seen ${seen[path]} times`);
      }
    });
  }
}

for (const [name, die] of [["closes", "close"], ["resets", "reset"]] as const) {
  for (const { label, text } of REQUESTS) {
    Deno.test(`${label} is seen once, and answered with 502, where a fresh connection ${name}`, async () => {
      let seen = 0;
      await using backend = await startSocketBackend((_, connection) => {
        seen++;
        connection[die]();
      });
      await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
      const { status } = await exchangeOnce(front.port, text("/"));
      assertEquals([status, seen], [502, 1]);
    });
  }
}

Deno.test("GET is seen twice at most, where all of many used connections die on the next request", async () => {
  let dying = false;
  let seen = 0;
  const full = Promise.withResolvers<void>();
  const all = 8;
  await using backend = await startSocketBackend(async (_, { write, reset }) => {
    seen++;
    if (dying) return reset();
    if (seen === all) full.resolve();
    await full.promise; // So that each of them has a connection of its own.
    await write(ANSWER);
  });
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  const request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  await Promise.all(Array.from({ length: all }, () => exchangeOnce(front.port, request)));
  dying = true;
  seen = 0;
  assertEquals((await exchangeOnce(front.port, request)).status, 502);
  assert(seen <= 2, `the request was seen ${seen} times`);
});

Deno.test("requests at the same time that are not safe never share a connection", async () => {
  const ordinals: number[] = [];
  await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
    ordinals.push(ordinal);
    await write(ANSWER);
  });
  await using front = startConductor({
    services: [
      { name: "primary", url: backend.url, primary: true },
      { name: "secondary", url: backend.url },
      { name: "shadow", url: backend.url, shadow: true },
    ],
  });
  const request = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
  const answers = await Promise.all(Array.from({ length: 30 }, () => exchangeOnce(front.port, request)));
  assertEquals(answers.map(({ status }) => status), Array(30).fill(200));
  await front.event(() => ordinals.length === 90);
  assertEquals(ordinals, Array(90).fill(1));
});
