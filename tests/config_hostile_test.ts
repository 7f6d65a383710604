import { assert, assertRejects } from "@std/assert";
import { ConfigError } from "../src/config/config_error.ts";
import { readConfig } from "../src/config/read.ts";
import { validateConfig } from "../src/config/validate.ts";
import { ACCEPTED, REFUSED } from "./_support/hostile_configs.ts";

/** Part of the specification, not a guess at the machine: a hostile file is a clear error within a second. */
const MAX_MS = 1_000;

async function load(text: string): Promise<void> {
  const { value, source } = await readConfig(text, {
    readFile: () => Promise.resolve("x".repeat(65_536)),
    readEnv: () => "x",
  });
  validateConfig(value, source);
}

/** A busy machine gets a second try; what takes quadratic time fails that too. */
async function assertSoon(name: string, run: () => Promise<void>): Promise<void> {
  let took = Infinity;
  for (let tries = 0; tries < 2 && took > MAX_MS; tries++) {
    const started = performance.now();
    await run();
    took = performance.now() - started;
  }
  assert(took <= MAX_MS, `${name} took ${took} ms`);
}

for (const [name, text] of REFUSED) {
  Deno.test(`readConfig() refuses a hostile file within a second: ${name}`, async () => {
    await assertSoon(name, async () => {
      const { message } = await assertRejects(() => load(text), ConfigError);
      assert(message.length < 20_000 && !/[^\n\x20-\x7e…ä]/.test(message), message);
    });
  });
}

for (const [name, text] of ACCEPTED) {
  Deno.test(`readConfig() reads an odd file within a second: ${name}`, async () => {
    await assertSoon(name, () => load(text));
  });
}
