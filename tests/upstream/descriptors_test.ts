import { assertEquals, assertMatch } from "@std/assert";

import { canRun } from "../_support/certificates.ts";
import { startChild } from "../_support/child.ts";
import { cliCommandLine, tempConfig } from "../_support/cli_process.ts";
import { readUntil, startBackend } from "../_support/servers.ts";

/** Limit on descriptors: enough to start the process, and few enough to exhaust them soon. */
const DESCRIPTORS = 64;

/** A client with a connection that stays open. */
interface Client extends Disposable {
  /** Sends a request. Returns the response head with the part of the body that came with it; empty if none came. */
  send(method: string, path: string): Promise<string>;
}

async function connect(port: number): Promise<Client> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    async send(method, path) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head)).catch(() => {});
      return await readUntil(connection).catch(() => "");
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

Deno.test({
  name:
    "a process without descriptors logs it, fails attempts as no-descriptors, and recovers when descriptors are free",
  ignore: !canRun("sh", ["-c", `ulimit -n ${DESCRIPTORS}`]),
  fn: async () => {
    // No connection to the service is reused, so each request needs one more descriptor until it ends.
    await using backend = startBackend(() => new Response("ok", { headers: { connection: "close" } }));
    await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}", pathPrefix: /a }]\n`);
    const commandLine = cliCommandLine(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
    await using child = startChild("sh", { args: ["-c", `ulimit -n ${DESCRIPTORS}; exec ${commandLine}`] });
    const [, url = ""] = await child.waitFor(/"url":"(.*?)"/);
    const port = Number(new URL(url).port);
    using first = await connect(port);
    assertMatch(await first.send("POST", "/a"), /^HTTP\/1.1 200 /);

    const others: Client[] = [];
    let response = "";
    for (let i = 0; i < 4 * DESCRIPTORS && !response.startsWith("HTTP/1.1 502"); i++) {
      const client = await connect(port).catch(() => undefined);
      // The listener may have failed meanwhile, and restarts.
      if (client === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      else if (await client.send("GET", "/none") === "") client[Symbol.dispose]();
      else others.push(client);
      response = await first.send("POST", "/a");
    }
    assertMatch(response, /"failure":"no-descriptors"/);

    const excess: Promise<Client | undefined>[] = [];
    for (let i = 0; i < DESCRIPTORS; i++) excess.push(connect(port).catch(() => undefined));
    await child.waitFor(/"level":"error","message":"listener failed","error":"[^"]*Too many open files/);
    for (const client of [...others, ...await Promise.all(excess)]) client?.[Symbol.dispose]();

    // Connected clients are served throughout, new ones once the listener has restarted.
    for (let i = 0; i < 1_000 && !response.startsWith("HTTP/1.1 200"); i++) response = await first.send("POST", "/a");
    assertMatch(response, /^HTTP\/1.1 200 /);
    let status = 0;
    for (let i = 0; i < 1_000 && status === 0; i++) {
      using client = await connect(port).catch(() => undefined);
      status = Number((await client?.send("POST", "/a") ?? "").slice(9, 12));
      if (status === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(status, 200);
    await child.waitFor(/"message":"listening again"/);
  },
});
