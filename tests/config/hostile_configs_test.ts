import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { ACCEPTED, loadHostile, REFUSED } from "../_support/hostile_configs.ts";

/**
 * Maximum cost relative to an ordinary file of the same length, on any machine and under load. The most expensive file
 * costs twice as much. Quadratic parsing would cost dozens of times as much.
 */
const MAX_RATIO = 3;

for (const [name, text] of REFUSED) {
  Deno.test(`readConfig() rejects a hostile file with a clear error: ${name}`, async () => {
    const { message } = await assertRejects(() => loadHostile(text), ConfigError);
    assert(message.length < 20_000 && !/[^\n\x20-\x7e…ä]/.test(message), message);
  });
}

for (const [name, text] of ACCEPTED) {
  Deno.test(`readConfig() reads an unusual file: ${name}`, () => loadHostile(text));
}

Deno.test("readConfig() takes at most a few times as long for these files as for an ordinary file of the same length", async () => {
  const script = fromHere("../_support/hostile_times.ts");
  const { DENO_COVERAGE_DIR: _, ...env } = Deno.env.toObject();
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--config", fromHere("../../deno.json"), script],
    clearEnv: true,
    env,
    stderr: "inherit",
  }).output();
  const ratios: [name: string, ratio: number][] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(ratios.length, REFUSED.length + ACCEPTED.length);
  assertEquals(ratios.filter(([, ratio]) => !(ratio <= MAX_RATIO)), []);
});

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
