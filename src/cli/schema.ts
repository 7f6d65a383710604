/** `conductor schema`: the JSON Schema of the configuration. */

import { configSchema } from "../config/schema/reference.ts";
import type { Io } from "./io.ts";

/**
 * Prints the JSON Schema.
 *
 * @param io The outputs.
 * @returns 0.
 */
export function runSchema(io: Io): number {
  io.stdout.write(JSON.stringify(configSchema(), null, 2) + "\n");
  return 0;
}
