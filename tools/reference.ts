/**
 * Prints the reference of the configuration; with `--write`, puts it into README.md.
 *
 * ```sh
 * deno run --allow-read --allow-write tools/reference.ts --write
 * ```
 */

import { configReference } from "../src/config/reference.ts";

const START = "<!-- reference:start -->";
const END = "<!-- reference:end -->";

/**
 * Replaces what is between the markers.
 *
 * @param readme The text of README.md.
 * @returns The text with the reference as it is now.
 */
export function withReference(readme: string): string {
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`README.md must contain ${START} and ${END}: found no such pair`);
  return `${readme.slice(0, start)}${START}\n\n${configReference()}\n${readme.slice(end)}`;
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    const path = new URL("../README.md", import.meta.url);
    await Deno.writeTextFile(path, withReference(await Deno.readTextFile(path)));
  } else {
    await Deno.stdout.write(new TextEncoder().encode(configReference()));
  }
}
