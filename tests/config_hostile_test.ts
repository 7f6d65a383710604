import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../src/config/config_error.ts";
import { ACCEPTED, REFUSED } from "./_support/hostile_configs.ts";
import { loadHostile } from "./_support/hostile_load.ts";

/** Part of the specification, not a guess at the machine: a hostile file is a clear error within a second. */
const MAX_MS = 1_000;

for (const [name, text] of REFUSED) {
  Deno.test(`readConfig() refuses a hostile file with a clear error: ${name}`, async () => {
    const { message } = await assertRejects(() => loadHostile(text), ConfigError);
    assert(message.length < 20_000 && !/[^\n\x20-\x7e…ä]/.test(message), message);
  });
}

for (const [name, text] of ACCEPTED) {
  Deno.test(`readConfig() reads an odd file: ${name}`, () => loadHostile(text));
}

Deno.test("readConfig() takes no more than a second for any of them", async () => {
  const script = fromHere("_support/hostile_times.ts");
  const { DENO_COVERAGE_DIR: _, ...env } = Deno.env.toObject();
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--config", fromHere("../deno.json"), script],
    clearEnv: true,
    env,
    stderr: "inherit",
  }).output();
  const times: [name: string, ms: number][] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(times.length, REFUSED.length + ACCEPTED.length);
  assertEquals(times.filter(([, ms]) => ms > MAX_MS), []);
});

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
