import { assertEquals } from "@std/assert";
import { ConfigError, fetchTransport, type TransportResult } from "@zeek/conductor";

import { validateConfig } from "../src/config/validate.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "./_support/certificates.ts";
import { startCli } from "./_support/cli_process.ts";

const BLOCK = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

interface TlsBackend extends AsyncDisposable {
  readonly url: string;
}

function startTlsBackend({ cert, key }: Certificate): TlsBackend {
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} };
  const server = Deno.serve(options, async (request) => new Response(`${request.method} ${await request.text()}`));
  return { url: `https://127.0.0.1:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function send(url: string, ca?: string, body?: Uint8Array<ArrayBuffer>): Promise<string> {
  const { signal } = new AbortController();
  const method = body === undefined ? "GET" : "POST";
  const result: TransportResult = await fetchTransport()({
    method,
    url,
    host: undefined,
    lines: [],
    body: body ?? null,
    ca,
    signal,
  });
  return result.ok ? await new Response(result.response.body).text() : result.kind;
}

Deno.test({
  name: "a backend whose certificate can not be verified fails as tls, until its authority is configured",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    await using other = await makeCertificate();
    assertEquals(await send(backend.url), "tls");
    assertEquals(await send(backend.url, other.cert), "tls");
    assertEquals(await send(backend.url, certificate.cert), "GET ");
    assertEquals(await send(backend.url, certificate.cert, new TextEncoder().encode("x")), "POST x");
  },
});

Deno.test({
  name: "a backend whose certificate is for another name fails as tls, whoever vouches for it",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate("DNS:other.example");
    await using backend = startTlsBackend(certificate);
    assertEquals(await send(backend.url, certificate.cert), "tls");
  },
});

Deno.test({
  name: "the process verifies a service with the authority of its configuration, and without it with the system's",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    const path = `${certificate.folder}/config.yaml`;
    await Deno.writeTextFile(
      path,
      `services:
  - { name: known, url: "${backend.url}", pathPrefix: /known, tls: { ca: "\${file:cert.pem}" } }
  - { name: unknown, url: "${backend.url}", pathPrefix: /unknown }
`,
    );
    await using child = startCli(["--config", path, "--port", "0", "--host", "127.0.0.1"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    assertEquals(await (await fetch(`${url}/known`)).text(), "GET ");
    const refused = await fetch(`${url}/unknown`, { headers: { accept: "application/json" } });
    assertEquals([refused.status, (await refused.json()).services[0].failure], [502, "tls"]);
  },
});

Deno.test("a service's tls is a problem of the configuration where it would verify nothing", () => {
  /** What is written for one service, and the problem. */
  const rows: [fields: Record<string, unknown>, problem: string][] = [
    [{ url: "http://a", tls: { ca: BLOCK } }, "services[0].tls: must not be there for an http URL"],
    [{ url: "https://a", tls: {} }, "services[0].tls.ca: is required"],
    [{ url: "https://a", tls: { ca: "ca.pem" } }, "services[0].tls.ca: must be the PEM text of a certificate"],
    [{ url: "https://a", tls: { ca: BLOCK, insecure: true } }, "services[0].tls.insecure: unknown key"],
    [{ url: "https://a", tls: { ca: BLOCK, serverName: "b" } }, "services[0].tls.serverName: unknown key"],
  ];
  for (const [fields, problem] of rows) {
    try {
      validateConfig({ services: [{ name: "a", ...fields }] });
      throw new Error(`No problem was found in ${JSON.stringify(fields)}`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assertEquals(error.message.slice(0, problem.length), problem);
    }
  }
  assertEquals(validateConfig({ services: [{ name: "a", url: "https://a", tls: { ca: BLOCK } }] }).warnings, []);
});
