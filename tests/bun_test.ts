import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { type Child, startChild } from "./_support/child.ts";
import { type Backend, refusingUrl, startBackend } from "./_support/servers.ts";

const ROOT = new URL("../", import.meta.url);

/** Bun itself instead of npx, which leaves its child process running when it is stopped. */
async function findBun(): Promise<{ path?: string; reason?: string }> {
  const args = ["-y", "bun@1.4.5", "-e", "console.log(process.execPath)"];
  try {
    const { success, stdout } = await new Deno.Command("npx", { args, stdin: "null" }).output();
    return success ? { path: new TextDecoder().decode(stdout).trim() } : { reason: "npx cannot run Bun" };
  } catch {
    return { reason: "npx is missing" };
  }
}

const bun = await findBun();

/** Installs the package like npm, in a folder next to the example. */
async function installExample(folder: string, urls: readonly [string, string]): Promise<void> {
  const home = `${folder}/node_modules/@zeek/conductor`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--output", `${home}/mod.js`, "mod.ts"],
    cwd: ROOT,
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  await Deno.writeTextFile(
    `${home}/package.json`,
    JSON.stringify({ name: "@zeek/conductor", version: "0.0.0", type: "module", exports: "./mod.js" }),
  );
  const example = await Deno.readTextFile(new URL("examples/bun.ts", ROOT));
  await Deno.writeTextFile(
    `${folder}/bun.ts`,
    example.replace("http://localhost:8081", urls[0]).replace("http://localhost:8082", urls[1])
      .replace("  timeout: 5,\n", "  timeout: 5,\n  metrics: { enabled: true },\n"),
  );
}

async function startExample(...urls: readonly [string, string]): Promise<AsyncDisposable & { url: string }> {
  const folder = await Deno.makeTempDir();
  let child: Child | undefined;
  const dispose = async () => {
    await child?.[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await installExample(folder, urls);
    child = startChild(bun.path!, { args: ["bun.ts", "0"], cwd: folder });
    const [, port] = await child.waitFor(/Listening on http:\/\/localhost:(\d+)/);
    return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function testInBun(name: string, run: () => Promise<void>): void {
  const ignored = bun.path ? "" : ` (ignored: ${bun.reason})`;
  Deno.test({ name: `examples/bun.ts ${name} in Bun${ignored}`, ignore: !bun.path, fn: run });
}

async function gzip(text: string): Promise<ArrayBuffer> {
  return await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

const failing = (): Backend => startBackend(() => new Response("broken", { status: 500 }));

testInBun("sends a POST with its body to every service and responds with the primary's response", async () => {
  await using primary = startBackend((_, body) => new Response(`primary got ${body}`, { status: 201 }));
  await using secondary = startBackend();
  await using front = await startExample(primary.url, secondary.url);
  const response = await fetch(`${front.url}/api/orders?a=1&a=2`, { method: "POST", body: "three pears" });
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("x-conductor-service"), "api-primary");
  assertEquals(await response.text(), "primary got three pears");
  for (const backend of [primary, secondary]) {
    await backend.received(1);
    const [{ method, target, body, headers }] = backend.seen as [typeof backend.seen[0]];
    assertEquals({ method, target, body }, { method: "POST", target: "/api/orders?a=1&a=2", body: "three pears" });
    assertMatch(headers.get("x-forwarded-for")!, /^(127\.0\.0\.1|::1)$/);
  }
});

testInBun("responds with the secondary's response when the primary fails", async () => {
  await using primary = failing();
  await using secondary = startBackend(() => new Response("from the secondary"));
  await using front = await startExample(primary.url, secondary.url);
  const response = await fetch(`${front.url}/api`);
  assertEquals([response.status, await response.text()], [200, "from the secondary"]);
});

testInBun("relays a gzip-encoded body as it came, with the headers that describe it", async () => {
  const encoded = await gzip("pears ".repeat(1_000));
  const headers = { "content-encoding": "gzip", "content-type": "text/plain" };
  await using primary = startBackend(() => new Response(encoded, { headers }));
  await using secondary = startBackend();
  await using front = await startExample(primary.url, secondary.url);
  // Deno's `fetch` decodes a body unless the request has an Accept-Encoding field.
  const raw = await fetch(`${front.url}/api`, { headers: { "accept-encoding": "identity" } });
  assertEquals(raw.headers.get("content-encoding"), "gzip");
  assertEquals(raw.headers.get("content-length"), String(encoded.byteLength));
  assertEquals(await raw.arrayBuffer(), encoded);
  const decoded = await fetch(`${front.url}/api`);
  assertEquals(await decoded.text(), "pears ".repeat(1_000));
});

testInBun("responds with a 502 that names every service when none can be reached", async () => {
  await using secondary = failing();
  await using front = await startExample(refusingUrl(), secondary.url);
  const response = await fetch(`${front.url}/api`);
  assertEquals(response.status, 502);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const problem = await response.text();
  assertStringIncludes(problem, "api-primary");
  assertStringIncludes(problem, "refused");
  assertStringIncludes(problem, "api-secondary");
  assertEquals(problem.includes("127.0.0.1"), false);
});

testInBun("responds with 404 for a path without a service", async () => {
  await using front = await startExample(refusingUrl(), refusingUrl());
  const response = await fetch(`${front.url}/apiary`);
  assertEquals(response.status, 404);
  await response.body?.cancel();
});

testInBun("serves metrics at the configured path", async () => {
  await using primary = startBackend();
  await using front = await startExample(primary.url, refusingUrl());
  await (await fetch(`${front.url}/api`)).text();
  const json = await (await fetch(`${front.url}/metrics`)).json();
  assertEquals([json.request_count, json.services.length, json.services[1].failures], [1, 2, { refused: 1 }]);
  const text = await (await fetch(`${front.url}/metrics`, { headers: { accept: "text/plain" } })).text();
  assertStringIncludes(text, 'conductor_requests_total{route="pathPrefix /api",code="2xx"} 1\n');
});
