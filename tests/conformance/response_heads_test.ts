/** A response that returns everything that a client can send reaches the client. */

import { assert, assertEquals } from "@std/assert";
import { toBytes } from "../_support/latin1.ts";
import { parseRawResponse, readToEnd } from "../_support/raw_response.ts";
import { startListening } from "../_support/servers.ts";
import { type SocketRequest, startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS } from "../_support/transports.ts";

/** Length of the longest field that Deno's server accepts: 64 KiB of head without the other lines. */
const LONGEST = 64_000;

function linesOf({ head }: SocketRequest): string[] {
  return head.split("\r\n").slice(1);
}

function targetOf({ head }: SocketRequest): string {
  return head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/1.1\r\n"));
}

function percentEncoded(text: string): string {
  return text.replaceAll(/[^\x21-\x24\x26-\x7e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** A client's request, and the response fields of a service that returns it. */
interface Reflection {
  readonly name: string;
  readonly target?: string;
  readonly lines?: readonly string[];
  reflect(request: SocketRequest): readonly string[];
  /** Deno's client accepts at most 100 fields. */
  readonly isTooMuchForFetch?: boolean;
}

const REFLECTIONS: readonly Reflection[] = [
  {
    name: "a redirect to a URL with the client's query of 33 KB",
    target: `/?${"q".repeat(33_000)}`,
    reflect: (request) => [`location: /next${targetOf(request)}`],
  },
  {
    name: "a redirect with the longest query, and a cookie of it",
    target: `/?${"q".repeat(LONGEST)}`,
    reflect: (request) => [`location: ${targetOf(request)}`, `set-cookie: last=${targetOf(request)}`],
  },
  {
    name: "a redirect with the longest query of raw bytes, percent-encoded",
    target: `/?${"\xc3\xa9".repeat(LONGEST / 2 - 500)}`,
    reflect: (request) => [`location: ${percentEncoded(targetOf(request))}`],
    isTooMuchForFetch: true,
  },
  {
    name: "a long Access-Control-Request-Headers",
    lines: [`Access-Control-Request-Headers: ${Array.from({ length: 5_000 }, (_, index) => `x-${index}`).join(", ")}`],
    reflect: (request) =>
      linesOf(request).filter((line) => /^access-control-request-headers:/i.test(line)).map((line) =>
        line.replace(/^access-control-request-headers/i, "access-control-allow-headers")
      ),
  },
  {
    name: "ten fields beside the client's 121",
    lines: Array.from({ length: 121 }, (_, index) => `X-${index}: ${index}`),
    reflect: (request) => [
      ...linesOf(request).filter((line) => /^x-\d/i.test(line)),
      ...Array.from({ length: 10 }, (_, index) => `y-${index}: ${index}`),
    ],
    isTooMuchForFetch: true,
  },
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const { name, target = "/", lines = [], reflect, isTooMuchForFetch } of REFLECTIONS) {
    const carried = over === "sockets" || !isTooMuchForFetch;
    Deno.test(`${name} ${carried ? "reaches the client" : "opens no breaker"}, over ${over}`, async () => {
      let reflected: readonly string[] = [];
      await using backend = await startSocketBackend(async (request, { write }) => {
        reflected = reflect(request);
        await write(["HTTP/1.1 302 Found", "content-length: 0", ...reflected, "", ""].join("\r\n"));
      });
      await using front = await startListening(listener, {
        services: [{ name: "a", url: backend.url, breaker: { failures: 1 } }],
      }, { transport: create() });
      using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
      const head = [`GET ${target} HTTP/1.1`, "Host: h", "Connection: close", ...lines, "", ""].join("\r\n");
      const bytes = toBytes(head);
      for (let sent = 0; sent < bytes.length;) sent += await client.write(bytes.subarray(sent));
      const response = parseRawResponse(await readToEnd(client));
      if (carried) {
        assertEquals(response.status, 302);
        const arrived = new Set(response.lines.map((line) => line.toLowerCase()));
        assertEquals(reflected.filter((line) => !arrived.has(line.toLowerCase())).map((line) => line.slice(0, 40)), []);
        assert(reflected.length > 0);
      }
      assertEquals(front.events.filter(({ type }) => type === "breaker"), []);
    });
  }
}
