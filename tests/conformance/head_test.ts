/** HEAD: the length of a response is the service's, or absent (RFC 9110 §8.6 and §9.3.2). Never an invented zero. */

import { assertEquals } from "@std/assert";
import { exchangeOnce, parseRawResponse, type RawResponse, readToEnd } from "../_support/raw_response.ts";
import { refusingUrl, startConductor, startListening } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS } from "../_support/transports.ts";

// Columns: the head of the service's response; the lengths that the client receives.
const HEADS: readonly (readonly [head: string, lengths: readonly string[]])[] = [
  ["200 OK\r\ntransfer-encoding: chunked", []],
  ["200 OK", []],
  ["200 OK\r\nconnection: close", []],
  ["404 Not Found", []],
  ["200 OK\r\ncontent-length: 0", ["0"]],
  ["200 OK\r\ncontent-length: 1234", ["1234"]],
  ["200 OK\r\ncontent-length: 12\r\ncontent-length: 12", ["12"]],
  ["206 Partial Content\r\ncontent-range: bytes 0-4/9\r\ncontent-length: 5", ["5"]],
  ["204 No Content", []],
  ["304 Not Modified", []],
];

function lengthsOf({ lines }: RawResponse): string[] {
  return lines.filter((line) => /^content-length:/i.test(line)).map((line) => line.slice("content-length: ".length));
}

for (const [over, create, listener] of COMBINATIONS) {
  for (const version of ["1.1", "1.0"]) {
    for (const [head, lengths] of HEADS) {
      const name = JSON.stringify(head);
      Deno.test(`HEAD with HTTP/${version}: ${name} is relayed with the lengths [${lengths}] over ${over}`, async () => {
        await using backend = await startSocketBackend((_, { write }) => write(`HTTP/1.1 ${head}\r\n\r\n`));
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
          transport: create(),
        });
        using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
        const request = `HEAD / HTTP/${version}\r\nHost: h\r\nConnection: close\r\n\r\n`;
        await connection.write(new TextEncoder().encode(request));
        const text = (await readToEnd(connection)).replace("HTTP/1.0 ", "HTTP/1.1 ");
        const response = parseRawResponse(text);
        assertEquals([response.status, response.body], [Number(head.slice(0, 3)), ""]);
        assertEquals(lengthsOf(response), lengths);
        const codings = response.lines.filter((line) => /^transfer-encoding:/i.test(line));
        assertEquals(codings, []);
      });
    }
  }

  Deno.test(`the connection is used again after a response to HEAD without a length over ${over}`, async () => {
    await using backend = await startSocketBackend(async ({ head }, { write }) => {
      const rest = head.startsWith("HEAD") ? "" : "2\r\nok\r\n0\r\n\r\n";
      await write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${rest}`);
    });
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
      transport: create(),
    });
    using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    const both = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    await connection.write(new TextEncoder().encode(both));
    const responses = (await readToEnd(connection)).split(/(?=HTTP\/1\.1 )/).map(parseRawResponse);
    assertEquals(responses.map(({ status, body }) => [status, body]), [[200, ""], [200, "ok"]]);
  });
}

Deno.test("HEAD over HTTP/2 has the service's length, or none", async () => {
  await using backend = await startSocketBackend(async ({ head }, { write }) => {
    const length = head.startsWith("HEAD /known ") ? "\r\ncontent-length: 1234" : "";
    await write(`HTTP/1.1 200 OK${length}\r\n\r\n`);
  });
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  using client = Deno.createHttpClient({ http1: false });
  for (const [path, length] of [["/known", "1234"], ["/unknown", null]] as const) {
    const response = await fetch(front.url + path, { client, method: "HEAD" });
    assertEquals([response.status, response.headers.get("content-length")], [200, length]);
  }
});

Deno.test("a local reply to HEAD has the length of the reply to GET, and metrics have none", async () => {
  const services = [{ name: "a", url: refusingUrl() }];
  await using front = startConductor({ metrics: { enabled: true }, services });
  for (const path of ["/", "/%zz"]) {
    for (const accept of ["application/json", "text/plain"]) {
      const [get, head] = await Promise.all(["GET", "HEAD"].map((method) => {
        const fields = `Host: h\r\nX-Request-Id: 1\r\nAccept: ${accept}\r\nConnection: close`;
        return exchangeOnce(front.port, `${method} ${path} HTTP/1.1\r\n${fields}\r\n\r\n`);
      }));
      assertEquals(lengthsOf(head!), lengthsOf(get!));
      assertEquals([head!.status, head!.body], [get!.status, ""]);
    }
  }
  const metrics = await exchangeOnce(front.port, "HEAD /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertEquals([metrics.status, metrics.body, lengthsOf(metrics)], [200, "", []]);
});

Deno.test("responseHeaders do not bring an invented length back", async () => {
  await using backend = await startSocketBackend((_, { write }) => write("HTTP/1.1 200 OK\r\n\r\n"));
  await using front = startConductor({ services: [{ name: "a", url: backend.url, responseHeaders: { "x-a": "1" } }] });
  const response = await exchangeOnce(front.port, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertEquals(lengthsOf(response), []);
});
