/** Failures of TLS during and after the handshake, and the release of resources. */

import { assertEquals } from "@std/assert";
import { http1Transport, type UpstreamTls } from "@zeek/conductor";
import { FakeTime } from "@std/testing/time";
import { createServer } from "node:tls";

import { type Certificate, hasOpenssl, makeCertificate } from "../../_support/certificates.ts";
import {
  respondUntilClose,
  startCuttingRelay,
  startHoldingRelay,
  startImpostor,
  startRawTlsBackend,
  startTlsBackend,
} from "../../_support/tls_backends.ts";
import { bodyOf, transportRequest } from "../../_support/transports.ts";
import { refusingUrl } from "../../_support/servers.ts";

/** Both implementations of the handshake must fail alike. */
const MODES: readonly (readonly [name: string, tlsFor: (certificate: Certificate) => UpstreamTls])[] = [
  ["verified", ({ cert }) => ({ ca: cert, serverName: undefined, insecure: false })],
  ["insecure", () => ({ ca: undefined, serverName: undefined, insecure: true })],
];

/** Age in milliseconds from which an incomplete handshake counts as hanging. */
const HANGING_MS = 3_000;

async function drain(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  while (await connection.read(buffer) !== null);
}

for (const [mode, tlsFor] of MODES) {
  /** Registers a test that needs a certificate. */
  const test = (name: string, fn: (certificate: Certificate, tls: UpstreamTls) => Promise<void>) =>
    Deno.test({
      name: `${mode}: ${name}`,
      ignore: !hasOpenssl,
      fn: async () => {
        await using certificate = await makeCertificate();
        await fn(certificate, tlsFor(certificate));
      },
    });

  test("a backend that speaks plain HTTP fails as tls", async (_, tls) => {
    await using plain = startImpostor(async (connection) => {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
    });
    assertEquals(await bodyOf(await http1Transport()(transportRequest(plain.url, { tls }))), "tls");
  });

  test("a backend that closes in the handshake fails as tls", async (_, tls) => {
    await using closing = startImpostor(() => {});
    assertEquals(await bodyOf(await http1Transport()(transportRequest(closing.url, { tls }))), "tls");
  });

  test("a backend that refuses the connection fails as refused", async (_, tls) => {
    const url = refusingUrl().replace("http:", "https:");
    assertEquals(await bodyOf(await http1Transport()(transportRequest(url, { tls }))), "refused");
  });

  test("a backend that hangs in the handshake fails as aborted at once", async (_, tls) => {
    const shaking = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    await using hanging = startImpostor(async () => {
      shaking.resolve();
      await released.promise;
    });
    const controller = new AbortController();
    const result = http1Transport()(transportRequest(hanging.url, { tls, signal: controller.signal }));
    await shaking.promise;
    controller.abort();
    assertEquals(await bodyOf(await result), "aborted");
    released.resolve();
  });

  test("a request that was aborted before it was sent fails as aborted", async (certificate, tls) => {
    await using backend = startTlsBackend(certificate);
    assertEquals(
      await bodyOf(await http1Transport()(transportRequest(backend.url, { tls, signal: AbortSignal.abort() }))),
      "aborted",
    );
  });

  test(
    "a backend that requires a client certificate fails as tls, although its alert arrives after the handshake",
    async ({ cert, key }, tls) => {
      const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: true });
      server.on("tlsClientError", () => {});
      const listening = Promise.withResolvers<void>();
      server.listen(0, "127.0.0.1", listening.resolve);
      await listening.promise;
      const { port } = server.address() as { port: number };
      assertEquals(
        await bodyOf(await http1Transport()(transportRequest(`https://127.0.0.1:${port}/`, { tls }))),
        "tls",
      );
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  );

  test("a body that ends with its connection is complete if TLS was closed as well", async (certificate, tls) => {
    await using backend = startRawTlsBackend(certificate, respondUntilClose);
    assertEquals(await bodyOf(await http1Transport()(transportRequest(backend.url, { tls }))), "all of it");
  });

  test("a body that ends with its connection fails if TLS was not closed", async (certificate, tls) => {
    const finished = Promise.withResolvers<void>();
    await using backend = startRawTlsBackend(certificate, async (connection) => {
      await respondUntilClose(connection);
      await finished.promise;
    });
    const cut = Promise.withResolvers<void>();
    await using relay = startCuttingRelay(backend.port, cut.promise);
    const result = await http1Transport()(transportRequest(relay.url, { tls }));
    if (!result.ok) throw new Error(result.kind);
    const reader = (result.response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    while (text !== "all of it") text += new TextDecoder().decode((await reader.read()).value);
    cut.resolve();
    assertEquals(await reader.read().then(() => "ended", ({ kind }) => kind), "reset");
    finished.resolve();
  });

  test(
    "a backend that sends without end is slowed down to the pace of its reader, and stopped when the reader cancels",
    async (certificate, tls) => {
      let sentBytes = 0;
      const stopped = Promise.withResolvers<void>();
      await using backend = startRawTlsBackend(certificate, async (connection) => {
        const piece = new Uint8Array(65_536);
        await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"));
        try {
          for (;;) sentBytes += await connection.write(piece);
        } catch {
          stopped.resolve();
        }
      });
      const result = await http1Transport()(transportRequest(backend.url, { tls }));
      if (!result.ok) throw new Error(result.kind);
      const reader = (result.response.body as ReadableStream<Uint8Array>).getReader();
      let readBytes = 0;
      while (readBytes < 16 * 1024 * 1024) readBytes += (await reader.read()).value!.length;
      for (let before = -1; before !== sentBytes;) {
        before = sentBytes;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assertEquals(sentBytes - readBytes < 32 * 1024 * 1024, true, `${sentBytes - readBytes} bytes are in transit`);
      await reader.cancel();
      await stopped.promise;
    },
  );

  test(
    "a large body arrives unchanged, and the connection is reused",
    async (certificate, tls) => {
      await using backend = startTlsBackend(certificate);
      const transport = http1Transport();
      const body = new TextEncoder().encode("0123456789abcdef".repeat(65_536));
      for (let round = 0; round < 2; round++) {
        const echoed = await bodyOf(await transport(transportRequest(backend.url, { tls, method: "POST", body })));
        assertEquals([echoed.length, echoed.startsWith("POST 0123"), echoed.endsWith("cdef")], [
          body.length + 5,
          true,
          true,
        ]);
      }
    },
  );
}

Deno.test("insecure: an aborted handshake frees its descriptor while the backend still hangs", async () => {
  const shaking = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using hanging = startImpostor(async (connection) => {
    shaking.resolve();
    await drain(connection).finally(gone.resolve);
  });
  const controller = new AbortController();
  const tls = { ca: undefined, serverName: undefined, insecure: true };
  const result = http1Transport()(transportRequest(hanging.url, { tls, signal: controller.signal }));
  await shaking.promise;
  controller.abort();
  assertEquals(await bodyOf(await result), "aborted");
  await gone.promise;
});

Deno.test("a backend that hangs in many handshakes gets one at a time, until one completes", async () => {
  using time = new FakeTime();
  const released = Promise.withResolvers<void>();
  let isHanging = true;
  let shaking = Promise.withResolvers<void>();
  await using impostor = startImpostor(async () => {
    shaking.resolve();
    if (isHanging) await released.promise;
  });
  const transport = http1Transport();
  const start = async () => {
    shaking = Promise.withResolvers();
    const controller = new AbortController();
    const result = transport(transportRequest(impostor.url, { signal: controller.signal })).then(bodyOf);
    await Promise.race([shaking.promise, result]);
    return { result, abort: () => controller.abort() };
  };
  for (let i = 0; i < 32; i++) {
    const { result, abort } = await start();
    await time.tickAsync(HANGING_MS);
    abort();
    assertEquals(await result, "aborted");
  }
  const probe = await start();
  assertEquals(await (await start()).result, "hanging-handshakes");
  await time.tickAsync(HANGING_MS);
  probe.abort();
  assertEquals(await probe.result, "aborted");
  isHanging = false;
  assertEquals(await (await start()).result, "tls");
  isHanging = true;
  const [one, other] = [await start(), await start()];
  one.abort();
  other.abort();
  assertEquals([await one.result, await other.result], ["aborted", "aborted"]);
  released.resolve();
});

Deno.test({
  name: "clients that disconnect during slow handshakes neither make other clients fail nor leak connections",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    const released = Promise.withResolvers<void>();
    await using relay = startHoldingRelay(backend.port, () => released.promise);
    const transport = http1Transport();
    const tls = { ca: certificate.cert, serverName: undefined, insecure: false };
    const send = (signal?: AbortSignal) =>
      transport(transportRequest(relay.url, { tls, ...signal && { signal } })).then(bodyOf);
    for (let round = 0; round < 5; round++) {
      const leaving = new AbortController();
      const left = Array.from({ length: 40 }, () => send(leaving.signal));
      await relay.untilHeld(40);
      leaving.abort();
      assertEquals(await Promise.all(left), Array(40).fill("aborted"));
    }
    const staying = Array.from({ length: 40 }, () => send());
    released.resolve();
    assertEquals(await Promise.all(staying), Array(40).fill("GET "));
    assertEquals(relay.held, 40);
  },
});

Deno.test({
  name: "a request that continues a hanging handshake gets a new connection after 3 s",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    const released = Promise.withResolvers<void>();
    let count = 0;
    await using relay = startHoldingRelay(backend.port, () => count++ === 0 ? released.promise : Promise.resolve());
    using time = new FakeTime();
    const transport = http1Transport();
    const tls = { ca: certificate.cert, serverName: undefined, insecure: false };
    const leaving = new AbortController();
    const left = transport(transportRequest(relay.url, { tls, signal: leaving.signal })).then(bodyOf);
    await relay.untilHeld(1);
    leaving.abort();
    assertEquals(await left, "aborted");
    const staying = transport(transportRequest(relay.url, { tls })).then(bodyOf);
    await time.tickAsync(HANGING_MS - 1);
    assertEquals(relay.held, 1);
    await time.tickAsync(1);
    assertEquals(await staying, "GET ");
    assertEquals(relay.held, 2);
    released.resolve();
  },
});
