/** Certificate verification by both transports. */

import { assertEquals, assertMatch } from "@std/assert";
import type { UpstreamTls } from "@zeek/conductor";

import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { refusingUrl, startBackend } from "../_support/servers.ts";
import { startImpostor, startTlsBackend } from "../_support/tls_backends.ts";
import { bodyOf, transportRequest, TRANSPORTS } from "../_support/transports.ts";

const bytes = new TextEncoder().encode("x");

function trust(more: Partial<UpstreamTls> = {}): UpstreamTls {
  return { ca: undefined, serverName: undefined, insecure: false, ...more };
}

for (const [name, makeTransport] of TRANSPORTS) {
  const supportsTlsOptions = name === "sockets";

  Deno.test({
    name: `${name} fails as tls if it cannot verify a certificate, unless its authority is configured`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate();
      await using backend = startTlsBackend(certificate);
      await using other = await makeCertificate();
      const transport = makeTransport();
      const send = async (tls?: UpstreamTls, more = {}) =>
        await bodyOf(await transport(transportRequest(backend.url, { ...more, tls })));
      assertEquals(await send(), "tls");
      assertEquals(await send(trust()), "tls");
      assertEquals(await send(trust({ ca: other.cert })), "tls");
      assertEquals(await send(trust({ ca: certificate.cert })), "GET ");
      assertEquals(await send(trust({ ca: certificate.cert }), { method: "POST", body: bytes }), "POST x");
      // An authority trusted for one service is not trusted for another one at the same address.
      assertEquals(await send(), "tls");
    },
  });

  Deno.test({
    name: `${name} fails as tls if the certificate has another name, ${
      supportsTlsOptions ? "unless serverName is that name" : "whatever serverName is"
    }`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate("DNS:other.example");
      await using backend = startTlsBackend(certificate);
      const transport = makeTransport();
      const send = async (tls: UpstreamTls) => await bodyOf(await transport(transportRequest(backend.url, { tls })));
      const ca = certificate.cert;
      assertEquals(await send(trust({ ca })), "tls");
      assertEquals(await send(trust({ ca, serverName: "wrong.example" })), "tls");
      assertEquals(await send(trust({ ca, serverName: "other.example" })), supportsTlsOptions ? "GET " : "tls");
      assertEquals(await send(trust({ serverName: "other.example" })), "tls");
    },
  });

  Deno.test({
    name: `${name} ${supportsTlsOptions ? "accepts any certificate with" : "fails as tls with"} insecure: true`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate("DNS:other.example");
      await using backend = startTlsBackend(certificate);
      const transport = makeTransport();
      const tls = trust({ insecure: true });
      const send = async (more = {}) => await bodyOf(await transport(transportRequest(backend.url, { ...more, tls })));
      assertEquals(await send(), supportsTlsOptions ? "GET " : "tls");
      assertEquals(await send({ method: "POST", body: bytes }), supportsTlsOptions ? "POST x" : "tls");
    },
  });

  Deno.test({
    name: `${name} reaches a backend at an IPv6 address`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate("IP:::1");
      await using backend = startTlsBackend(certificate, "::1");
      const tls = trust({ ca: certificate.cert });
      assertEquals(await bodyOf(await makeTransport()(transportRequest(backend.url, { tls }))), "GET ");
    },
  });
}

/** Columns: TLS settings, host, pattern for the server name in the ClientHello. */
const NAMES: readonly (readonly [tls: Partial<UpstreamTls>, host: string, hello: RegExp])[] = [
  [{}, "localhost", /localhost/],
  [{ serverName: "api.example" }, "localhost", /api\.example/],
  [{ serverName: "api.example" }, "127.0.0.1", /api\.example/],
  [{ serverName: "api.example", insecure: true }, "127.0.0.1", /api\.example/],
  [{ insecure: true }, "localhost", /localhost/],
  [{}, "127.0.0.1", /^(?!.*127\.0\.0\.1)/s],
  [{ insecure: true }, "127.0.0.1", /^(?!.*(?:127\.0\.0\.1|localhost))/s],
];

for (const [settings, host, pattern] of NAMES) {
  Deno.test(`http1Transport() sends ${host} with ${JSON.stringify(settings)} a server name like ${pattern.source}`, async () => {
    const hello = Promise.withResolvers<string>();
    await using backend = startImpostor((_, bytes) => hello.resolve(bytes));
    const [, make] = TRANSPORTS[0]!;
    const result = await make()(transportRequest(`https://${host}:${backend.port}/`, { tls: trust(settings) }));
    assertEquals(await bodyOf(result), "tls");
    assertMatch(await hello.promise, pattern);
  });
}

Deno.test("the process ignores proxies of the environment for services", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  const env = { HTTP_PROXY: refusingUrl(), http_proxy: refusingUrl(), ALL_PROXY: refusingUrl(), NO_PROXY: "" };
  await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"], { env });
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  assertEquals(await (await fetch(url)).text(), "ok");
});

Deno.test({
  name: "the process verifies each service as configured, without further permissions",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate("DNS:other.example");
    await using backend = startTlsBackend(certificate);
    const path = `${certificate.folder}/config.yaml`;
    await Deno.writeTextFile(
      path,
      `services:
  - { name: known, url: "${backend.url}", pathPrefix: /known, tls: { ca: "\${file:cert.pem}", serverName: other.example } }
  - { name: unknown, url: "${backend.url}", pathPrefix: /unknown }
  - { name: anyone, url: "${backend.url}", pathPrefix: /anyone, tls: { insecure: true } }
`,
    );
    await using child = startCli(["--config", path, "--port", "0", "--host", "127.0.0.1"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    for (const path of ["/known", "/anyone", "/known", "/anyone"]) {
      assertEquals(await (await fetch(url + path)).text(), "GET ", path);
    }
    const refused = await fetch(`${url}/unknown`, { headers: { accept: "application/json" } });
    assertEquals([refused.status, (await refused.json()).services[0].failure], [502, "tls"]);
    assertMatch(
      child.stderr.text + child.stdout.text,
      /services\[2\]\.tls\.insecure: .*\\?"anyone\\?" is not verified/s,
    );
  },
});
