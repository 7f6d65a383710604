/**
 * Prints the reference of the configuration; with `--write`, puts it into README.md.
 *
 * ```sh
 * deno run --allow-read --allow-write tools/reference.ts --write
 * ```
 */

import { configReference } from "../src/config/reference.ts";
import { withPart } from "./readme_part.ts";

/**
 * Replaces what is between the markers.
 *
 * @param readme The text of README.md.
 * @returns The text with the reference as it is now.
 */
export function withReference(readme: string): string {
  return withPart(readme, "reference", configReference().trimEnd());
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    const path = new URL("../README.md", import.meta.url);
    await Deno.writeTextFile(path, withReference(await Deno.readTextFile(path)));
  } else {
    await Deno.stdout.write(new TextEncoder().encode(configReference()));
  }
}
