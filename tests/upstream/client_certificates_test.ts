/** Client certificates: services that require one, and the check of the configuration. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fetchTransport, type Transport } from "@zeek/conductor";
import { http1Transport } from "../../src/upstream/http1/http1.ts";
import { hasOpenssl, makeCertificate, makeDatedCertificate } from "../_support/certificates.ts";
import { runCli, startCli } from "../_support/cli_process.ts";
import { freePort } from "../_support/ports.ts";
import { transportRequest } from "../_support/transports.ts";

/** Starts OpenSSL's server, which requires a certificate that `accepted` has signed, and rejects others by an alert. */
async function startVerifier(own: { folder: string }, accepted: { folder: string }) {
  const port = freePort();
  const files = `-cert ${own.folder}/cert.pem -key ${own.folder}/key.pem -CAfile ${accepted.folder}/cert.pem`;
  const child = new Deno.Command("openssl", {
    args: `s_server -accept 127.0.0.1:${port} ${files} -Verify 2 -verify_return_error -www`.split(" "),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  for (let text = ""; !text.includes("ACCEPT");) text += decoder.decode((await reader.read()).value);
  const rest = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    url: `https://localhost:${port}/`,
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.status, rest]);
    },
  };
}

const TRANSPORTS: readonly (readonly [name: string, create: () => Transport])[] = [
  ["sockets", () => http1Transport()],
  ["fetch", () => fetchTransport()],
];

for (const [name, create] of TRANSPORTS) {
  Deno.test({
    name: `${name} presents the client certificate, and fails as tls if the service rejects it or gets none`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using own = await makeCertificate();
      await using client = await makeCertificate();
      await using other = await makeCertificate();
      await using expired = await makeDatedCertificate("20200101000000Z", "20200201000000Z");
      await using service = await startVerifier(own, client);
      const send = create();
      const outcome = async (pair: { cert?: string; key?: string }, insecure = false, url = service.url) => {
        const tls = { ca: insecure ? undefined : own.cert, serverName: undefined, insecure, ...pair };
        const result = await send(transportRequest(url, { tls }));
        if (!result.ok) return `${result.kind}: ${result.error}`;
        const { body } = result.response;
        if (body instanceof ReadableStream) await body.cancel();
        return `status ${result.response.status}`;
      };
      const pairOf = ({ cert, key }: { cert: string; key: string }) => ({ cert, key });
      assertEquals(await outcome(pairOf(client)), "status 200");
      assertMatch(await outcome({}), /^tls: .*CertificateRequired/);
      assertMatch(await outcome(pairOf(other)), /^tls: .*fatal alert/);
      assertMatch(await outcome({ cert: client.cert, key: other.key }), /^tls: .*KeyMismatch/);
      assertEquals(await outcome(pairOf(client)), "status 200");
      await using strict = await startVerifier(own, expired);
      assertMatch(await outcome(pairOf(expired), false, strict.url), /^tls: .*CertificateExpired/);
      if (name === "sockets") assertEquals(await outcome(pairOf(client), true), "status 200");
    },
  });
}

Deno.test({
  name: "http1Transport() tells a refused connection from a failed handshake with a client certificate",
  ignore: !hasOpenssl,
  fn: async () => {
    await using client = await makeCertificate();
    const tls = { ca: undefined, serverName: undefined, insecure: false, cert: client.cert, key: client.key };
    const send = http1Transport();
    const kindOf = async (url: string) => {
      const result = await send(transportRequest(url, { tls }));
      return result.ok ? "response" : result.kind;
    };
    assertEquals(await kindOf(`https://127.0.0.1:${freePort()}/`), "refused");
    assertEquals(await kindOf("https://no-such-host.invalid/"), "dns");
  },
});

Deno.test({
  name: "the process reloads a client certificate, refuses files that it cannot use, and never prints a key",
  ignore: !hasOpenssl,
  fn: async () => {
    await using own = await makeCertificate();
    await using accepted = await makeCertificate();
    await using other = await makeCertificate();
    await using service = await startVerifier(own, accepted);
    const { folder } = own;
    const path = `${folder}/config.yaml`;
    const install = async (cert: string, key: string) => {
      await Deno.writeTextFile(`${folder}/client.pem`, cert);
      await Deno.writeTextFile(`${folder}/client.key`, key);
    };
    await Deno.writeTextFile(
      path,
      `services:
  - name: a
    url: "${service.url}"
    tls: { ca: "\${file:cert.pem}", cert: "\${file:client.pem}", key: "\${file:client.key}" }
`,
    );
    await install(accepted.cert, other.key);
    const mismatch = await runCli(["check", "--config", path]);
    assertEquals(mismatch.code === 0, false);
    assertStringIncludes(
      mismatch.stderr,
      'services[0].tls.key: is not the private key of `cert`: found the content of "client.key"',
    );
    await install("nothing", accepted.key);
    assertStringIncludes((await runCli(["check", "--config", path])).stderr, 'found the content of "client.pem"');
    await install("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", accepted.key);
    assertStringIncludes((await runCli(["check", "--config", path])).stderr, "tls.cert: is not a readable certificate");

    await install(other.cert, other.key);
    await using child = startCli(["--config", path, "--port", "0", "--host", "127.0.0.1", "--log-format", "json"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    const status = async () => {
      const response = await fetch(url);
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status(), 502);
    await child.stdout.seen(/service rejects the client certificate/);
    await install(accepted.cert, accepted.key);
    child.kill("SIGHUP");
    await child.stdout.seen(/reloaded/);
    assertEquals(await status(), 200);
    await install(accepted.cert, other.key);
    child.kill("SIGHUP");
    await child.stdout.seen(/is not the private key of/);
    assertEquals(await status(), 200);
    const printed = child.stdout.text + child.stderr.text + mismatch.stderr;
    for (const { key } of [accepted, other]) assert(!printed.includes(key.split("\n")[1]!));
  },
});
