import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { ACCEPTED, REFUSED } from "../_support/hostile_configs.ts";
import { loadHostile } from "../_support/hostile_load.ts";

/**
 * Most cost less than an honest file of the same length, and the dearest up to twice as much: on any machine, however busy
 * it is. What grows with the square of the length would cost dozens of times as much.
 */
const MAX_RATIO = 3;

for (const [name, text] of REFUSED) {
  Deno.test(`readConfig() refuses a hostile file with a clear error: ${name}`, async () => {
    const { message } = await assertRejects(() => loadHostile(text), ConfigError);
    assert(message.length < 20_000 && !/[^\n\x20-\x7e…ä]/.test(message), message);
  });
}

for (const [name, text] of ACCEPTED) {
  Deno.test(`readConfig() reads an odd file: ${name}`, () => loadHostile(text));
}

Deno.test("readConfig() costs no more than a few times as much for any of them as for an honest file as long", async () => {
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
