/** The parts of README.md that are written by programs. */

import { fileURLToPath } from "node:url";

const README = new URL("../README.md", import.meta.url);

/**
 * Writes a part of README.md, and formats it.
 *
 * @param name The part's name.
 * @param text What is to be there.
 */
export async function writeReadmePart(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(README, withPart(await Deno.readTextFile(README), name, text));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", fileURLToPath(README)] }).output();
}

/**
 * Replaces what is between a part's markers.
 *
 * @param readme The text of README.md.
 * @param name The part's name.
 * @param text What is to be there.
 * @returns The text with the part as it is now.
 */
export function withPart(readme: string, name: string, text: string): string {
  const [startMark, endMark] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const [start, end] = [readme.indexOf(startMark), readme.indexOf(endMark)];
  if (start === -1 || end < start) {
    throw new Error(`README.md must contain ${startMark} and ${endMark}: found no such pair`);
  }
  return `${readme.slice(0, start)}${startMark}\n\n${text}\n\n${readme.slice(end)}`;
}
