/** Typed configurations in a file of their own. */

import type { ConfigInput } from "./input.ts";

/**
 * Returns a configuration unchanged. It makes an editor complete and check the fields, unknown ones included.
 *
 * @example Usage
 * ```ts
 * import { defineConfig } from "@zeek/conductor";
 *
 * export default defineConfig({
 *   timeout: "2s",
 *   services: [{ name: "api", url: "http://localhost:8081" }],
 * });
 * ```
 *
 * @param config The configuration.
 * @returns The same object.
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
