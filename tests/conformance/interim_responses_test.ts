/** Interim responses (RFC 9110 §15.2): any number of them before a response, which is relayed without them. */

import { assert, assertEquals } from "@std/assert";
import { exchangeOnce } from "../_support/raw_response.ts";
import { startListening } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";

// Columns: name; text before the response.
const INTERIM: readonly (readonly [name: string, text: string])[] = [
  ["one 100", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["one 102", "HTTP/1.1 102 Processing\r\n\r\n"],
  ["one 103", HINTS],
  ["a status that is not registered", "HTTP/1.1 199 X\r\n\r\n"],
  ["17 of them", HINTS.repeat(17)],
  ["10,000 of them, in more bytes than a head may have", HINTS.repeat(10_000)],
  ["one with a length, which it must not have", "HTTP/1.1 103 X\r\ncontent-length: 5\r\n\r\n"],
  ["one that closes the connection", "HTTP/1.1 103 X\r\nconnection: close\r\n\r\n"],
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const [name, text] of INTERIM) {
    Deno.test(`${name} before a response: the client gets the response, over ${over}`, async () => {
      await using backend = await startSocketBackend((_, { write }) => write(text + OK));
      await using front = await startListening(listener, {
        services: [{ name: "a", url: backend.url, breaker: { failures: 1 } }],
      }, { transport: create() });
      const { status, body, whole, lines } = await exchangeOnce(front.port, GET);
      assertEquals([status, body, whole], [200, "ok", true]);
      assertEquals(lines.filter((line) => /^link:/i.test(line)), []);
      assertEquals(front.events.filter(({ type }) => type === "breaker"), []);
    });
  }

  Deno.test(`endless interim responses end with the timeout, and delay no other service, over ${over}`, async () => {
    await using flood = await startSocketBackend(async (_, connection) => {
      let hasGone = false;
      connection.gone.then(() => hasGone = true);
      while (!hasGone) await connection.write(HINTS.repeat(1_000));
    });
    await using healthy = await startSocketBackend((_, { write }) => write(OK));
    await using front = await startListening(listener, {
      services: [
        { name: "flood", url: flood.url, path: "/flood", timeout: "3s" },
        { name: "healthy", url: healthy.url, path: "/" },
      ],
    }, { transport: create() });
    let hasEnded = false;
    const flooded = exchangeOnce(front.port, GET.replace("/", "/flood")).finally(() => hasEnded = true);
    let served = 0;
    while (!hasEnded) served += (await exchangeOnce(front.port, GET)).status === 200 ? 1 : 0;
    assertEquals((await flooded).status, 502);
    const settled = await front.event((event) => event.type === "settled" && event.service === "flood");
    assertEquals(settled.type === "settled" && settled.failure, "timeout");
    // The client of the runtime reads without a pause.
    assert(served > (over === "sockets" ? 10 : 0), `${served} other requests were served meanwhile`);
  });
}
