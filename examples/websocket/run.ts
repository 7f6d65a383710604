/**
 * WebSockets through conductor: an echo service, a fallback and a shadow. Shows the messages that each of them gets,
 * then stops the primary and connects again.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write --allow-run examples/websocket/run.ts
 * ```
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A service that sends each message back with its name. */
function startService(name: string, port: number) {
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "echo.v1" });
    socket.addEventListener("message", ({ data }) => {
      console.log(`  ${name} got "${data}"`);
      socket.send(`${name}: ${data}`);
    });
    return response;
  });
  return server;
}

/** Starts conductor with the configuration beside this file, on a free port and with the ports of the services. */
async function startConductor(ports: readonly number[]) {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const text = await Deno.readTextFile(here("config.yaml"));
  const config = text.replaceAll(/localhost:808(\d)/g, (_, digit) => `127.0.0.1:${ports[Number(digit) - 1]}`);
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, config);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--config", here("../../deno.json")],
      ...[here("../../cli.ts"), "--config", file, "--port", "0", "--host", "127.0.0.1", "--log-format", "json"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  const address = Promise.withResolvers<string>();
  const reading = (async () => {
    for (;;) {
      const { done, value } = await lines.read();
      if (done) return;
      log += value;
      const url = /"url":"http(.*?)"/.exec(log)?.[1];
      if (url !== undefined) address.resolve(`ws${url}`);
    }
  })();
  return {
    url: await address.promise,
    async stop(): Promise<string> {
      child.kill("SIGTERM");
      await Promise.all([child.status, reading, Deno.remove(file)]);
      return log;
    },
  };
}

/** Sends messages over one connection, and prints the responses. */
async function talk(url: string, messages: readonly string[]): Promise<number> {
  const socket = new WebSocket(`${url}/chat`, ["echo.v1"]);
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  for (const message of messages) {
    const response = new Promise<string>((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
    });
    socket.send(message);
    console.log(`client got "${await response}"`);
  }
  socket.close(1000);
  return await closed;
}

if (import.meta.main) {
  const names = ["echo", "fallback", "next"];
  const services = names.map((name) => startService(name, 0));
  const conductor = await startConductor(services.map(({ addr }) => addr.port));
  console.log("With the primary:");
  console.log(`closed with ${await talk(conductor.url, ["hello", "world"])}`);

  await services[0]!.shutdown();
  console.log("Without the primary:");
  console.log(`closed with ${await talk(conductor.url, ["still there?"])}`);

  const log = await conductor.stop();
  for (const line of log.split("\n").filter((line) => line.includes('"tunnel closed"'))) {
    const { service, cause, closeCode, clientBytes, serviceBytes } = JSON.parse(line);
    console.log(`log: ${service} closed by the ${cause}, ${closeCode}, ${clientBytes} and ${serviceBytes} bytes`);
  }
  await Promise.all(services.map((service) => service.shutdown()));
}
