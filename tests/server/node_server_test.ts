/** The command line with the node listener: reload, drain, workers and certificates, as over Deno's own listener. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { cliCommandLine, startCli, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw, readUntil, startBackend, startSlowBackend } from "../_support/servers.ts";
import { toBytes } from "../_support/latin1.ts";
import { TestOutput } from "../_support/test_io.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** Over Deno's own listener, a client that ends its sending side gets no response. */
const HALF_CLOSED = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const FLAGS = ["--host", "127.0.0.1", "--port", "0"];

Deno.test("a reload replaces one listener by the other on the same port, and the log names it", async () => {
  await using backend = startBackend();
  const services = `services: [{ name: a, url: "${backend.url}" }]\n`;
  await using file = await tempConfig(services);
  await using child = startCli(["--config", file.path, ...FLAGS]);
  const [, port] = await child.stdout.seen(/"url":"http:\/\/127.0.0.1:(\d+)"/);
  for (const [index, fields] of ["clientTimeouts: {}\n", "", "listener: node\n"].entries()) {
    await Deno.writeTextFile(file.path, fields + services);
    child.kill("SIGHUP");
    await child.stdout.seen(new RegExp(`(?:configuration reloaded[^]*){${index + 1}}`));
    const isNode = fields !== "";
    const response = await exchangeRaw(Number(port), HALF_CLOSED, { halfClose: true }).catch(() => "");
    assertEquals(response.startsWith("HTTP/1.1 200 "), isNode, fields);
  }
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
});

Deno.test("the log of the start, and check, name the node listener and the reason", async () => {
  await using file = await tempConfig(`clientTimeouts: {}\nservices: [{ name: a, url: "http://127.0.0.1:1" }]\n`);
  await using child = startCli(["--config", file.path, ...FLAGS]);
  await child.stdout.seen(/"listener":\{"kind":"node","reason":"needed by `clientTimeouts`"\}/);
  await using check = startCli(["check", "--config", file.path]);
  await check.stdout.seen(/listener: node \(needed by `clientTimeouts`\)/);
});

Deno.test("a refused connection has a line in the log and a count in the metrics", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(
    `limits: { maxConnections: 1 }\nmetrics: { enabled: true, enablePrometheus: true }\n` +
      `services: [{ name: a, url: "${backend.url}" }]\n`,
  );
  await using child = startCli(["--config", file.path, ...FLAGS]);
  const [, port] = await child.stdout.seen(/"url":"http:\/\/127.0.0.1:(\d+)"/);
  using first = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await first.write(toBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await readUntil(first, "ok");
  for (let refused = 0; refused < 3; refused++) assertMatch(await exchangeRaw(Number(port), GET), /^HTTP\/1.1 503 /);
  await first.write(toBytes("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const metrics = await readUntil(first, "\0never\0");
  assertMatch(metrics, /conductor_refused_requests_total\{route="",reason="max-connections"\} 3\n/);
  assertEquals(child.stdout.text.match(/"message":"connection refused","reason":"max-connections"/g)?.length, 1);
});

Deno.test({
  name: "workers share a port over the node listener, and complete requests in flight at a shutdown",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using backend = startSlowBackend();
    await using file = await tempConfig(`listener: node\nservices: [{ name: a, url: "${backend.url}" }]\n`);
    await using child = startCli(["--config", file.path, ...FLAGS, "--workers", "2"]);
    const [, port] = await child.stdout.seen(/"url":"http:\/\/127.0.0.1:(\d+)"/);
    const responses = Array.from({ length: 20 }, () => exchangeRaw(Number(port), GET));
    await backend.received(20);
    child.kill("SIGTERM");
    await child.stdout.seen(/"message":"stopping/);
    backend.release();
    for (const response of await Promise.all(responses)) assertStringIncludes(response, "finished");
    assertEquals(await child.exited, 0);
  },
});

Deno.test({
  name: "a reload replaces the certificate of the node listener, but not by an invalid one",
  ignore: !hasOpenssl,
  fn: async () => {
    await using first = await makeCertificate();
    await using second = await makeCertificate();
    await using backend = startBackend();
    const path = `${first.folder}/config.yaml`;
    const write = (cert: string, key: string) =>
      Promise.all([
        Deno.writeTextFile(`${first.folder}/c.pem`, cert),
        Deno.writeTextFile(`${first.folder}/k.pem`, key),
        Deno.writeTextFile(
          path,
          `listener: node\ntls: { cert: "\${file:c.pem}", key: "\${file:k.pem}" }\n` +
            `services: [{ name: a, url: "${backend.url}" }]\n`,
        ),
      ]);
    await write(first.cert, first.key);
    await using child = startCli(["--config", path, ...FLAGS]);
    const [, port] = await child.stdout.seen(/"url":"https:\/\/127.0.0.1:(\d+)"/);
    const statusWith = async ({ cert }: { cert: string }) => {
      using client = Deno.createHttpClient({ caCerts: [cert] });
      const response = await fetch(`https://127.0.0.1:${port}/`, { client });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await statusWith(first), 200);
    await write(second.cert, first.key);
    child.kill("SIGHUP");
    await child.stdout.seen(/tls\.key: is not the private key of/);
    assertEquals(await statusWith(first), 200);
    await write(second.cert, second.key);
    child.kill("SIGHUP");
    await child.stdout.seen(/configuration reloaded/);
    assertEquals(await statusWith(second), 200);
  },
});

// Columns: what happens; configuration; connections; the line in the log.
const FLOODS: readonly (readonly [name: string, config: string, connections: number, line: RegExp])[] = [
  ["listens again after the process had no free descriptors", "", 100, /"message":"listening again"/],
  ["keeps descriptors in a flood above maxConnections", "limits: { maxConnections: 60 }\n", 400, /max-connections/],
];

for (const [name, config, count, line] of FLOODS) {
  Deno.test({
    name: `the node listener ${name}`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using backend = startBackend();
      await using file = await tempConfig(`listener: node\n${config}services: [{ name: a, url: "${backend.url}" }]\n`);
      const command = cliCommandLine(["--config", file.path, ...FLAGS]);
      const child = new Deno.Command("sh", {
        args: ["-c", `ulimit -n ${config === "" ? 60 : 300}; exec ${command}`],
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const output = new TestOutput();
      const read = child.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
        new WritableStream({ write: (text) => void output.write(text) }),
      );
      const [, port] = await output.seen(/"url":"http:\/\/127.0.0.1:(\d+)"/);
      const connections: Deno.Conn[] = [];
      for (let opened = 0; opened < count; opened++) {
        connections.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
      }
      for (const connection of connections) connection.close();
      await output.seen(line);
      let response = "";
      for (const endMs = Date.now() + 10_000; !response.startsWith("HTTP/1.1 200 ") && Date.now() < endMs;) {
        // A connection that is closed without a response may be reset.
        response = await exchangeRaw(Number(port), GET).catch(() => "");
      }
      assertMatch(response, /^HTTP\/1.1 200 /);
      assertEquals(output.text.includes("listening again"), config === "");
      child.kill("SIGTERM");
      await Promise.all([child.status, read]);
    },
  });
}
