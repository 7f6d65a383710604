import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";

import { runCommandLine } from "../../src/cli/main.ts";
import { ListenError } from "../../src/server/listen_error.ts";
import { serve } from "../../src/server/serve.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { readUntil, startBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** Ignored without `openssl`. */
function testWithCertificate(name: string, fn: (certificate: Certificate) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !hasOpenssl,
    fn: async () => {
      await using certificate = await makeCertificate();
      await fn(certificate);
    },
  });
}

async function send(url: string, client: Deno.HttpClient, headers: HeadersInit = {}): Promise<Response> {
  const response = await fetch(url, { client, headers });
  await response.body?.cancel();
  return response;
}

/** HTTP versions that a client can force. */
const VERSIONS: [name: string, version: { http1?: false; http2?: false }][] = [
  ["HTTP/1.1", { http2: false }],
  ["HTTP/2", { http1: false }],
];

for (const [name, version] of VERSIONS) {
  testWithCertificate(
    `the process serves ${name} over TLS, and forwards the scheme to services`,
    async ({ folder, cert }) => {
      await using backend = startBackend();
      const path = `${folder}/config.yaml`;
      await Deno.writeTextFile(
        path,
        `tls: { cert: "\${file:cert.pem}", key: "\${file:key.pem}" }
services:
  - { name: kept, url: "${backend.url}", pathPrefix: /kept, host: preserve }
  - { name: own, url: "${backend.url}", pathPrefix: /own }
`,
      );
      await using child = startCli(["--config", path, "--port", "0", "--host", "127.0.0.1"]);
      const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
      assertMatch(url, /^https:/);
      using client = Deno.createHttpClient({ caCerts: [cert], ...version });
      const { port } = new URL(url);
      // The authority that HTTP/2 sends instead of a Host field, and Deno's default.
      const statuses = [
        (await send(`https://127.0.0.1:${port}/kept/a?b`, client, [["cookie", "a=1"]])).status,
        (await send(`https://localhost:${port}/own/c`, client)).status,
        (await send(`https://localhost:${port}/none`, client)).status,
      ];
      assertEquals(statuses, [200, 200, 404]);
      const received = backend.seen.map(({ target, headers }) => ({
        target,
        host: headers.get("host"),
        forwarded: headers.get("x-forwarded-host"),
        proto: headers.get("x-forwarded-proto"),
        cookie: headers.get("cookie"),
      }));
      const proto = "https";
      const [at, local] = [`127.0.0.1:${port}`, `localhost:${port}`];
      assertEquals(received, [
        { target: "/kept/a?b", host: at, forwarded: at, proto, cookie: "a=1" },
        { target: "/own/c", host: `127.0.0.1:${backend.port}`, forwarded: local, proto, cookie: null },
      ]);
      child.kill("SIGTERM");
      assertEquals(await child.exited, 0);
      assertEquals(child.stderr.text, "");
    },
  );
}

testWithCertificate("serve() offers HTTP/2 by ALPN, and HTTP/1.1 to other clients", async (certificate) => {
  const { cert, key } = certificate;
  const server = await serve((_request, { scheme }) => new Response(scheme), { ...LOOPBACK, tls: { cert, key } });
  const protocols: (string | null)[] = [];
  for (const offered of [["h2", "http/1.1"], ["http/1.1"], []]) {
    using connection = await Deno.connectTls({
      hostname: "localhost",
      port: server.port,
      caCerts: [cert],
      ...(offered.length > 0 && { alpnProtocols: offered }),
    });
    protocols.push((await connection.handshake()).alpnProtocol);
  }
  assertEquals(protocols, ["h2", "http/1.1", null]);
  await server.shutdown();
});

testWithCertificate("serve() rejects plain HTTP on a TLS port, and continues", async (certificate) => {
  const { cert, key } = certificate;
  const server = await serve(() => new Response("ok"), { ...LOOPBACK, tls: { cert, key } });
  using plain = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  assertEquals((await readUntil(plain).catch(() => "")).includes("HTTP"), false);

  using client = Deno.createHttpClient({ caCerts: [cert] });
  assertEquals(await (await fetch(`https://localhost:${server.port}/`, { client })).text(), "ok");
  await server.shutdown();
});

testWithCertificate("serve() reports a mismatched certificate and key in one sentence", async ({ cert }) => {
  await using other = await makeCertificate();
  const error = await assertRejects(() => serve(() => new Response(), { ...LOOPBACK, tls: { cert, key: other.key } }));
  assertEquals(error instanceof ListenError && error.kind, "bad-certificate");
  assertStringIncludes(String(error), "invalid certificate or key: ");
});

Deno.test("a certificate that is not PEM is a configuration error, with a hint about paths", async () => {
  const block = (label: string) => `"-----BEGIN ${label}-----\\nAAAA\\n-----END ${label}-----"`;
  const rows: [cert: string, key: string, problem: string][] = [
    [
      "cert.pem",
      block("PRIVATE KEY"),
      'tls.cert: must be the PEM text of a certificate: found "cert.pem"; ${file:PATH}',
    ],
    [block("CERTIFICATE"), block("CERTIFICATE"), "tls.key: must be the PEM text of a private key: found"],
    [block("CERTIFICATE"), "MC4CAQAwBQYDK2Vw", "tls.key: must be the PEM text of a private key: found other text"],
    [block("CERTIFICATE"), block("ENCRYPTED PRIVATE KEY"), "tls.key: must not be encrypted"],
    [block("CERTIFICATE"), '"${file:missing.pem}"', 'tls.key: needs the file "missing.pem": no such file'],
  ];
  for (const [cert, key, problem] of rows) {
    await using file = await tempConfig(`tls: { cert: ${cert}, key: ${key} }\nservices: [{name: a, url: "http://a"}]`);
    const io = createTestIo();
    assertEquals(await runCommandLine(["check", "-c", file.path], io), 1);
    assertStringIncludes(io.stderr.text, problem);
    assertEquals(io.stderr.text.includes("MC4CAQAwBQYDK2Vw"), false, "a key was shown");
  }
});
