/** Causes of failures as events show them: the platform's words, the address, and the remedy, over both transports. */

import { assert, assertEquals, assertLess, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { conductor, type ConductorEvent, type SecondaryServiceInput, type SettledEvent } from "@zeek/conductor";
import { causeOf } from "../../src/http/failure_causes.ts";
import { type Certificate, hasOpenssl, makeCertificate, makeDatedCertificate } from "../_support/certificates.ts";
import { freePort } from "../_support/ports.ts";
import { startRawBackend } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";
import { startImpostor, startTlsBackend } from "../_support/tls_backends.ts";
import { transportRequest, TRANSPORTS } from "../_support/transports.ts";

const encoder = new TextEncoder();

/** A service that fails, and the cause that events tell. */
interface Fault {
  readonly name: string;
  readonly needsOpenssl?: boolean;
  /** Starts the service. */
  start(): Promise<AsyncDisposable & { readonly service: Partial<SecondaryServiceInput> & { readonly url: string } }>;
  readonly failure: string;
  readonly error: RegExp;
  /** Cause; `ADDRESS` stands for the address. `undefined`: none. */
  readonly cause: string | undefined;
  /** Transports whose words tell the cause. Default: both. */
  readonly over?: readonly string[];
}

function atRaw(serve: (connection: Deno.Conn) => Promise<void>, scheme = "http"): Fault["start"] {
  return () => {
    const backend = startRawBackend(serve);
    const url = backend.url.replace("http", scheme);
    return Promise.resolve({ service: { url }, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() });
  };
}

async function readThen(connection: Deno.Conn, bytes: string | Uint8Array): Promise<void> {
  await connection.read(new Uint8Array(4_096));
  await connection.write(typeof bytes === "string" ? encoder.encode(bytes) : bytes);
}

async function forever(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4_096);
  while (await connection.read(buffer) !== null);
}

function withCertificate(make: () => Promise<Certificate>, isTrusted = true): Fault["start"] {
  return async () => {
    const certificate = await make();
    const backend = startTlsBackend(certificate);
    const tls = isTrusted ? { tls: { ca: certificate.cert } } : {};
    return {
      service: { url: `https://localhost:${backend.port}`, ...tls },
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await certificate[Symbol.asyncDispose]();
      },
    };
  };
}

const gone = { [Symbol.asyncDispose]: () => Promise.resolve() };

const FAULTS: readonly Fault[] = [
  {
    name: "an expired certificate",
    needsOpenssl: true,
    start: withCertificate(() => makeDatedCertificate("20240101000000Z", "20251101000000Z")),
    failure: "tls",
    error: /certificate expired/,
    cause: "certificate has expired on 2025-11-01: renew it",
  },
  {
    name: "a certificate of the future",
    needsOpenssl: true,
    start: withCertificate(() => makeDatedCertificate("20480101000000Z", "20490101000000Z")),
    failure: "tls",
    error: /not valid yet/,
    cause: "certificate is not valid yet, only from 2048-01-01: check the clocks",
  },
  {
    name: "an unknown issuer",
    needsOpenssl: true,
    start: withCertificate(makeCertificate, false),
    failure: "tls",
    error: /UnknownIssuer/,
    cause: "certificate has an unknown issuer: set `tls.ca` to the certificate of its authority",
  },
  {
    name: "a certificate with another name",
    needsOpenssl: true,
    start: withCertificate(() => makeCertificate("DNS:api.example,DNS:b.example")),
    failure: "tls",
    error: /not valid for name "localhost"/,
    cause:
      'certificate is not valid for "localhost", only for api.example, b.example: correct the host in `url`, or set `tls.serverName`',
  },
  {
    name: "plain HTTP behind https",
    start: atRaw((connection) => readThen(connection, "HTTP/1.1 400 Bad Request\r\n\r\n"), "https"),
    failure: "tls",
    error: /InvalidContentType/,
    cause: "service does not use TLS at ADDRESS: write `http:` in its `url`, or its TLS port",
  },
  {
    name: "TLS behind http",
    start: atRaw((connection) => readThen(connection, Uint8Array.of(21, 3, 3, 0, 2, 2, 70))),
    failure: "protocol",
    error: /TLS alert/,
    cause: "service expects TLS at ADDRESS: write `https:` in its `url`",
    over: ["sockets"],
  },
  {
    name: "HTTP/2 without http2",
    start: atRaw((connection) => readThen(connection, Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0))),
    failure: "protocol",
    error: /HTTP\/2 frame/,
    cause: "service uses HTTP/2 only at ADDRESS: set `http2: true`",
    over: ["sockets"],
  },
  {
    name: "HTTP/1.1 with http2",
    start: () => {
      const backend = startRawBackend((connection) => readThen(connection, "HTTP/1.1 400 Bad Request\r\n\r\n"));
      const service = { url: backend.url, http2: true };
      return Promise.resolve({ service, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() });
    },
    failure: "protocol",
    error: /frame with invalid size/,
    cause: "service does not use HTTP/2 at ADDRESS: remove `http2`",
    over: ["fetch"],
  },
  {
    name: "a refused connection",
    start: () => Promise.resolve({ ...gone, service: { url: `http://127.0.0.1:${freePort()}` } }),
    failure: "refused",
    error: /Connection refused \(os error \d+\)/,
    cause: "connection refused at ADDRESS: start the service, or correct its `url`",
  },
  {
    name: "an unknown host name",
    start: () => Promise.resolve({ ...gone, service: { url: "http://nowhere.invalid" } }),
    failure: "dns",
    error: /failed to lookup address information/,
    cause: "host name not found: nowhere.invalid; correct the host in `url`, or its DNS entry",
  },
  {
    name: "a reset before the response",
    start: async () => {
      const backend = await startSocketBackend((_, connection) => connection.reset());
      return { service: { url: backend.url }, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
    },
    failure: "reset",
    error: /reset/i,
    cause: "connection reset by ADDRESS: see the log of the service",
  },
  {
    name: "a connection closed before the response",
    start: atRaw(async (connection) => void await connection.read(new Uint8Array(4_096))),
    failure: "reset",
    error: /closed before/,
    cause: "connection closed by ADDRESS before the response: see the log of the service",
  },
  {
    name: "a connection closed within a small body",
    start: atRaw((connection) => readThen(connection, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")),
    failure: "reset",
    error: /closed within|error reading a body/,
    cause: "connection closed by ADDRESS within the response: see the log of the service",
  },
  {
    name: "a handshake that hangs",
    start: () => {
      const end = Promise.withResolvers<void>();
      const backend = startImpostor(() => end.promise);
      const stop = () => {
        end.resolve();
        return backend[Symbol.asyncDispose]();
      };
      return Promise.resolve({ service: { url: backend.url }, [Symbol.asyncDispose]: stop });
    },
    failure: "timeout",
    error: /no connection within 200 ms/,
    cause: "no connection to ADDRESS within 200 ms: check its host, port and firewall",
    over: ["sockets"],
  },
  {
    name: "no response head",
    start: atRaw(forever),
    failure: "timeout",
    error: /no response head within 200 ms/,
    cause: "no response head from ADDRESS within 200 ms: service is slow, or `timeout` is short",
  },
  {
    name: "a small body that stops",
    start: atRaw(async (connection) => {
      await readThen(connection, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
      await forever(connection);
    }),
    failure: "timeout",
    error: /no byte of the body within 200 ms/,
    cause: "response body from ADDRESS stopped for 200 ms",
  },
  {
    name: "bytes that are not HTTP",
    start: atRaw((connection) => readThen(connection, "220 mail\x1b[31m.example ESMTP\r\n")),
    failure: "protocol",
    error: /^malformed response: 220 mail\\x1b\[31m\.example ESMTP\\x0d\\x0a$/,
    cause: undefined,
    over: ["sockets"],
  },
  {
    name: "an unexpected protocol switch",
    start: atRaw((connection) => readThen(connection, "HTTP/1.1 101 Switching Protocols\r\n\r\n")),
    failure: "protocol",
    error: /^unexpected status 101$/,
    cause: undefined,
    over: ["sockets"],
  },
];

for (const [over, createTransport] of TRANSPORTS) {
  for (const { name, needsOpenssl, start, failure, error, cause, over: only = ["sockets", "fetch"] } of FAULTS) {
    if (!only.includes(over)) continue;
    Deno.test({
      name: `events tell the cause over ${over}: ${name}`,
      ignore: needsOpenssl === true && !hasOpenssl,
      fn: async () => {
        await using backend = await start();
        const events: ConductorEvent[] = [];
        const handle = conductor(
          { services: [{ name: "billing", timeout: "200ms", ...backend.service }] },
          { ...(over === "fetch" && { transport: createTransport() }), observe: (event) => void events.push(event) },
        );
        const response = await handle(new Request("http://localhost/x"));
        const body = await response.text();
        const settled = events.find((event) => event.type === "settled") as SettledEvent;
        const { host, port, protocol } = new URL(backend.service.url);
        const address = port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
        assertEquals([response.status, settled.failure, settled.address], [502, failure, address]);
        assertMatch(settled.error ?? "", error);
        assertEquals(settled.cause, cause?.replace("ADDRESS", address));
        // Nothing of this reaches the client.
        for (const text of [address, settled.error!, settled.cause ?? settled.error!]) assert(!body.includes(text));
      },
    });
  }
}

Deno.test("events tell the cause of a response that breaks off", async () => {
  const hasBegun = Promise.withResolvers<void>();
  await using backend = startRawBackend(async (connection) => {
    await readThen(connection, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await hasBegun.promise;
    await connection.write(encoder.encode("zz"));
    await forever(connection);
  });
  const events: ConductorEvent[] = [];
  const handle = conductor({ services: [{ name: "billing", url: backend.url }] }, {
    observe: (event) => void events.push(event),
  });
  const reader = (await handle(new Request("http://localhost/x"))).body!.getReader();
  await reader.read();
  hasBegun.resolve();
  await assertRejects(() => reader.read());
  const interrupted = events.find((event) => event.type === "interrupted");
  assert(interrupted?.type === "interrupted");
  const { failure, error, address } = interrupted;
  assertEquals({ failure, error, address }, {
    failure: "protocol",
    error: "invalid chunk in the body",
    address: `127.0.0.1:${backend.port}`,
  });
});

Deno.test("causes contain no secrets of the configuration, and no more than 300 characters", async () => {
  const secret = "a-secret-of-the-config";
  await using backend = startRawBackend((connection) =>
    readThen(connection, `echo ${secret} password=hunter2 ${"x".repeat(99)}`)
  );
  const events: ConductorEvent[] = [];
  const service = { name: "billing", url: backend.url, headers: { authorization: secret } };
  const handle = conductor({ services: [service] }, { observe: (event) => void events.push(event) });
  await (await handle(new Request("http://localhost/x"))).text();
  const { error = "" } = events.find((event) => event.type === "settled") as SettledEvent;
  assertStringIncludes(error, "echo [redacted]");
  for (const text of [secret, "hunter2"]) assert(!error.includes(text), error);
  assert(error.length <= 300);
});

Deno.test("attempts that were aborted have no cause", async () => {
  await using backend = startRawBackend(forever);
  const events: ConductorEvent[] = [];
  const client = new AbortController();
  const handle = conductor({ services: [{ name: "billing", url: backend.url }] }, {
    observe(event) {
      events.push(event);
      if (event.type === "attempted") queueMicrotask(() => client.abort());
    },
  });
  await handle(new Request("http://localhost/x", { signal: client.signal }));
  const { failure, error, address, cause } = events.find((event) => event.type === "settled") as SettledEvent;
  assertEquals([failure, error, address, cause], ["aborted", undefined, undefined, undefined]);
});

Deno.test({
  name: "events tell that a permission is missing, and which one",
  permissions: { net: ["127.0.0.1:1"] },
  fn: async () => {
    for (const [over, createTransport] of TRANSPORTS) {
      const result = await createTransport()(transportRequest("http://127.0.0.1:8081/"));
      assert(!result.ok);
      assertEquals(
        causeOf(result.error ?? "", "127.0.0.1:8081"),
        "permission denied: add 127.0.0.1:8081 to the list of --allow-net",
        over,
      );
    }
  },
});

for (
  const [words, cause] of [
    [
      "Too many open files (os error 24)",
      "too many open files: raise `ulimit -n`, or lower `limits.maxConnectionsPerService`",
    ],
    [
      "Network is unreachable (os error 101)",
      "host or network unreachable at a.test:80: check its address and the routing",
    ],
    [
      "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
      "certificate is one of an authority (CA:TRUE): use a server certificate that this authority has issued",
    ],
    [
      "received fatal alert: CertificateRequired",
      "service requires a client certificate: set `tls.cert` and `tls.key`",
    ],
    ["connect ECONNREFUSED 127.0.0.1:1", "connection refused at a.test:80: start the service, or correct its `url`"],
    ["something else", undefined],
  ] as const
) {
  Deno.test(`causeOf() recognises: ${words}`, () => assertEquals(causeOf(words, "a.test:80"), cause));
}

Deno.test("causeOf() takes linear time for words that a service chose", () => {
  for (
    const words of [
      "certificate expired" + " not valid after".repeat(9_000),
      'certificate not valid for name "'.repeat(9_000),
    ]
  ) {
    const startMs = performance.now();
    causeOf(words.slice(0, 4_096), "a.test:80");
    assertLess(performance.now() - startMs, 100);
  }
});
