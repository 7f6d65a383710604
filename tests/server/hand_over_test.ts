import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";

import { type CliProcess, runCli, startCli, tempConfig } from "../_support/cli_process.ts";
import { startLoad } from "../_support/keep_alive_load.ts";
import { freePort } from "../_support/ports.ts";
import { startBackend } from "../_support/servers.ts";

const isLinux = Deno.build.os === "linux";

function connectTo(port: number): () => Promise<Deno.Conn> {
  return () => Deno.connect({ hostname: "127.0.0.1", port });
}

async function stop(child: CliProcess): Promise<void> {
  child.kill("SIGTERM");
  assertEquals([await child.exited, child.stderr.text], [0, ""]);
  assertStringIncludes(child.stdout.text, '"message":"stopped"');
}

for (const workers of [1, 2]) {
  Deno.test({
    name: `a process with --reuse-port and ${workers} workers replaces another one without a lost or refused request`,
    ignore: !isLinux,
    fn: async () => {
      await using backend = startBackend();
      const port = freePort();
      await using file = await tempConfig(`admin: { port: 0 }\nservices: [{ name: a, url: "${backend.url}" }]\n`);
      const args = ["--config", file.path, "--host", "127.0.0.1", "--port", String(port)];
      const startProcess = async () => {
        const child = startCli([...args, "--workers", String(workers), "--reuse-port"]);
        await child.stdout.seen(/"message":"listening"/);
        return child;
      };
      await using first = await startProcess();
      const load = startLoad({ clients: 6, connect: connectTo(port), thinkMs: () => 5 * Math.random() });
      await load.until(100);
      await using second = await startProcess();
      await stop(first);
      await load.until(load.completed + 100);
      await load.stop();
      assertEquals([load.lost, load.failed, load.refused], [0, 0, 0]);
      assertGreater(second.stdout.text.split('"request completed"').length, 1);
      await stop(second);
    },
  });

  Deno.test({
    name: `SIGTERM with --workers ${workers} loses no request of keep-alive connections`,
    ignore: !isLinux,
    fn: async () => {
      await using backend = startBackend();
      await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
      await using child = startCli(
        ["--config", file.path, "--host", "127.0.0.1", "--port", "0", "--workers", String(workers)],
      );
      const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
      const load = startLoad({ clients: 6, connect: connectTo(Number(new URL(url).port)) });
      await load.until(100);
      await stop(child);
      await load.stop();
      assertEquals([load.lost, load.failed], [0, 0]);
    },
  });
}

Deno.test({
  name: "without --reuse-port, a second process reports that the port is in use",
  ignore: !isLinux,
  fn: async () => {
    await using backend = startBackend();
    const port = freePort();
    await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
    const args = ["--config", file.path, "--host", "127.0.0.1", "--port", String(port)];
    await using first = startCli([...args, "--reuse-port"]);
    await first.stdout.seen(/"message":"listening"/);
    for (const workers of ["1", "2"]) {
      const { code, stderr } = await runCli([...args, "--workers", workers]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "address already in use");
    }
    await stop(first);
  },
});
