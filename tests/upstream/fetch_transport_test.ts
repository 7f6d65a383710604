import { assert, assertEquals, assertLess } from "@std/assert";
import { fetchTransport, type TransportRequest } from "@zeek/conductor";
import { readUntil, refusingUrl, startBackend, startRawBackend } from "../_support/servers.ts";
import { outcomeOf, transportRequest } from "../_support/transports.ts";

const transport = fetchTransport();

/** Starts a backend that reads a head, responds with the given bytes, and closes. */
function responding(bytes: string): ReturnType<typeof startRawBackend> {
  return startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode(bytes));
  });
}

Deno.test("fetchTransport() reports a refused connection", async () => {
  assertEquals(outcomeOf(await transport(transportRequest(refusingUrl()))), "refused");
});

Deno.test("fetchTransport() reports the failure kind independently of words in the path", async () => {
  for (const path of ["/certificate", "/x)getaddrinfo", "/?EMFILE=://timed%20out"]) {
    assertEquals(outcomeOf(await transport(transportRequest(refusingUrl() + path))), "refused", path);
  }
});

Deno.test("fetchTransport() reports a failed TLS handshake", async () => {
  await using plain = startBackend();
  assertEquals(outcomeOf(await transport(transportRequest(plain.url.replace("http:", "https:")))), "tls");
});

// Columns: response before the close, failure.
const RESPONSES: readonly (readonly [response: string, failure: string])[] = [
  ["", "reset"],
  ["HTTP/1.1 200 OK\r\nconte", "reset"],
  ["SSH-2.0-OpenSSH_9\r\n\r\n", "protocol"],
  ["HTTP/1.1 2xx OK\r\n\r\n", "protocol"],
  ["HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n", "protocol"],
  ["HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "protocol"],
];

for (const [response, failure] of RESPONSES) {
  Deno.test(`fetchTransport() records ${failure} for ${JSON.stringify(response)}`, async () => {
    await using backend = responding(response);
    assertEquals(outcomeOf(await transport(transportRequest(backend.url))), failure);
  });
}

Deno.test("fetchTransport() fails as aborted after an abort", async () => {
  await using hanging = startRawBackend(async (connection) => {
    while (await connection.read(new Uint8Array(64)) !== null);
  });
  const controller = new AbortController();
  const result = transport(transportRequest(hanging.url, { signal: controller.signal }));
  controller.abort();
  assertEquals(outcomeOf(await result), "aborted");
});

Deno.test("fetchTransport() requests the identity coding, and sends the given Host", async () => {
  await using backend = startBackend();
  const sent = [["accept-encoding", "gzip"], ["x-a", "1"]] as const;
  const result = await transport(transportRequest(backend.url, { host: "shop.example", headers: sent }));
  assert(result.ok);
  if (result.response.body instanceof ReadableStream) await result.response.body.cancel();
  const { headers } = backend.seen[0]!;
  assertEquals(headers.get("accept-encoding"), "identity");
  assertEquals(headers.get("host"), "shop.example");
  assertEquals(headers.get("x-a"), "1");
});

// Messages of Deno, Node and Bun for failures that cannot be reproduced on loopback.
const MESSAGES: readonly (readonly [message: string, code: string, failure: string])[] = [
  ["client error (Connect): dns error: failed to lookup address information: Name or service not known", "", "dns"],
  ["getaddrinfo ENOTFOUND conductor.invalid", "ENOTFOUND", "dns"],
  ["client error (Connect): tcp connect error: Connection refused (os error 111)", "", "refused"],
  ["connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED", "refused"],
  ["Unable to connect. Is the computer able to access the url?", "ConnectionRefused", "refused"],
  ["client error (Connect): tcp connect error: Connection timed out (os error 110)", "", "timeout"],
  ["client error (Connect): tcp open error: Too many open files (os error 24)", "", "no-descriptors"],
  ["client error (Connect): tcp connect error: Cannot assign requested address (os error 99)", "", "no-ports"],
  ["client error (Connect): invalid peer certificate: UnknownIssuer", "", "tls"],
  ["client error (SendRequest): connection closed before message completed", "", "reset"],
  ["other side closed", "UND_ERR_SOCKET", "reset"],
  ["client error (SendRequest): message head is too large", "", "head-too-large"],
  ["Headers Overflow Error", "UND_ERR_HEADERS_OVERFLOW", "head-too-large"],
  ["client error (SendRequest): invalid HTTP header parsed", "", "protocol"],
  ["Response does not match the HTTP/1.1 protocol (Invalid header value char)", "HPE_INVALID_HEADER_TOKEN", "protocol"],
];

/** Requests that `fetch` refuses to send. */
const UNSENDABLE: readonly (readonly [name: string, request: Partial<TransportRequest>])[] = [
  ["a URL that is too long", { target: `/${"a".repeat(70_000)}` }],
  ["a forbidden method", { method: "TRACK" }],
  ["a method that fetch writes in upper case", { method: "delete" }],
  ["a method that fetch takes for GET", { method: "Get", body: new Uint8Array(1) }],
  ["a method that fetch takes for HEAD", { method: "head", body: new Uint8Array(1) }],
  ["a value beyond Latin-1", { headers: [["x-a", "\u20ac"]] }],
  ["a control in a value", { headers: [["x-a", "a\x01"]] }],
  ["a name that is no token", { headers: [["x a", "1"]] }],
];

for (const [name, more] of UNSENDABLE) {
  Deno.test(`fetchTransport() records unsendable for ${name}, and sends nothing`, async () => {
    await using backend = startBackend();
    assertEquals(outcomeOf(await fetchTransport()(transportRequest(`${backend.url}/`, more))), "unsendable");
    assertEquals(backend.seen, []);
  });
}

for (const [message, code, failure] of MESSAGES) {
  Deno.test(`fetchTransport() records ${failure} for "${message}"`, async () => {
    const urls: string[] = [];
    const transport = fetchTransport({
      fetch(input) {
        urls.push(String(input));
        return Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) }));
      },
    });
    assertEquals(outcomeOf(await transport(transportRequest("http://x/y"))), failure);
    assertEquals(urls, ["http://x/y"]);
  });
}

Deno.test("fetchTransport() classifies a long error in linear time", async () => {
  const cause = new Error(`${"/".repeat(200_000)} connection refused`);
  const transport = fetchTransport({ fetch: () => Promise.reject(new TypeError("fetch failed", { cause })) });
  const startMs = performance.now();
  assertEquals(outcomeOf(await transport(transportRequest("http://x/y"))), "refused");
  assertLess(performance.now() - startMs, 2_000);
});
