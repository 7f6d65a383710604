import { assertEquals } from "@std/assert";

import { startChild } from "./_support/child.ts";
import { startBackend } from "./_support/servers.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("examples/embed.ts handles its own paths and passes the others to conductor", async () => {
  await using primary = startBackend(() => new Response("from the primary"));
  await using secondary = startBackend();
  const folder = await Deno.makeTempDir();
  const example = (await Deno.readTextFile(new URL("examples/embed.ts", ROOT)))
    .replace("http://localhost:8081", primary.url)
    .replace("http://localhost:8082", secondary.url)
    .replace("8080", "0");
  await Deno.writeTextFile(`${folder}/embed.ts`, example);
  {
    const config = new URL("deno.json", ROOT).pathname;
    const args = ["run", "--allow-net", "--no-prompt", "--config", config, `${folder}/embed.ts`];
    await using server = startChild(Deno.execPath(), { args, env: { NO_COLOR: "1" } });
    const [, port] = await server.waitFor(/Listening on http:\/\/\S+:(\d+)/);
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.text()];
    };
    assertEquals(await get("/health"), [200, "up"]);
    assertEquals(await get("/api/users"), [200, "from the primary"]);
    assertEquals((await get("/other"))[0], 404);
    await secondary.received(1);
  }
  await Deno.remove(folder, { recursive: true });
});
