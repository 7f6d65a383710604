/** Reads a configuration whose every placeholder can be resolved. */

import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";

/** Reads and checks a text, or rejects with its problems. */
export async function loadHostile(text: string): Promise<void> {
  const { value, source } = await readConfig(text, {
    readFile: () => Promise.resolve("x".repeat(65_536)),
    readEnv: () => "x",
  });
  validateConfig(value, source);
}
