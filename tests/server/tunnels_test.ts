/** Upgraded connections of the command: shutdown, log and metrics. */

import { assert, assertEquals } from "@std/assert";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { connect, startEchoServer } from "../_support/web_sockets.ts";

for (const workers of [1, 2]) {
  Deno.test(`a shutdown sends 1001 to WebSocket clients and logs each tunnel, with ${workers} worker(s)`, async () => {
    await using echo = await startEchoServer();
    const services = [{ name: "api", url: echo.url, primary: true, upgrade: true }];
    await using file = await tempConfig(JSON.stringify({ port: 0, hostname: "127.0.0.1", services }));
    await using child = startCli(["--config", file.path, "--log-format", "json", "--workers", `${workers}`]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    await using client = await connect(url);
    client.socket.send("hello");
    assertEquals(await client.messages(1), ["hello"]);

    child.kill("SIGTERM");
    assertEquals(await client.closed, 1001);
    assertEquals(await child.exited, 0);
    await echo.until(({ closed }) => closed.length === 1);
    assertEquals(echo.closed, [1001]);
    const lines = child.stdout.text.split("\n").filter((line) => line.includes('"tunnel closed"'));
    assertEquals(lines.length, 1, child.stdout.text);
    const { level, service, protocol, cause, clientBytes, serviceBytes, requestId } = JSON.parse(lines[0]!);
    assertEquals([level, service, protocol, cause, serviceBytes], ["info", "api", "websocket", "shutdown", 11]);
    assert(clientBytes >= 11 && requestId.length > 0);
  });
}

Deno.test("a client that does not close is closed within `shutdownTimeout`, and the process exits normally", async () => {
  await using echo = await startEchoServer();
  const services = [{ name: "api", url: echo.url, primary: true, upgrade: true }];
  const config = { port: 0, hostname: "127.0.0.1", shutdownTimeout: "2s", services };
  await using file = await tempConfig(JSON.stringify(config));
  await using child = startCli(["--config", file.path, "--log-format", "json"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  await child.stdout.seen(/"status":101/);
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  assert(/"tunnel closed".*"cause":"shutdown"/.test(child.stdout.text), child.stdout.text);
});

Deno.test("the access log has one line for each tunnel at its end, with the bytes in both directions", async () => {
  await using echo = await startEchoServer();
  await using mirror = await startEchoServer();
  const services = [
    { name: "api", url: echo.url, primary: true, upgrade: true },
    { name: "copy", url: mirror.url, shadow: true, upgrade: true },
  ];
  const logging = { access: "json" };
  await using file = await tempConfig(JSON.stringify({ port: 0, hostname: "127.0.0.1", logging, services }));
  await using child = startCli(["--config", file.path, "--log-format", "json"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  await using client = await connect(url);
  const accessLines = () => child.stdout.text.split("\n").filter((line) => line.includes('"message":"access"'));
  const startedMs = performance.now();
  client.socket.send("x".repeat(1_000));
  await client.messages(1);
  assertEquals((await client.messages(1)).length, 1);
  assertEquals(accessLines(), []);
  client.socket.close(1000);
  await client.closed;
  const openMs = performance.now() - startedMs;
  const [line = ""] = await child.stdout.seen(/.*"message":"access".*/);
  const { method, status, service, requestBytes, responseBytes, durationMs, attempts } = JSON.parse(line);
  assertEquals([method, status, service], ["GET", 101, "api"]);
  // Frames: 1,000 bytes with 4 bytes of head, and 4 of close. Those of the client have 4 more bytes of mask each.
  assertEquals([requestBytes, responseBytes], [1_016, 1_008]);
  assert(durationMs >= openMs / 2, `${durationMs} of ${openMs} ms`);
  assertEquals(attempts.map(({ outcome }: { outcome: string }) => outcome), ["101", "101"]);

  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  assertEquals(accessLines().length, 1);
});
