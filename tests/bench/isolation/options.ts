/** The command line of the proof that a shadow can't hurt. */

import { parseArgs } from "@std/cli/parse-args";
import { wholeNumber } from "../whole_number.ts";
import { type Scene, SCENES } from "./scenes.ts";

/** What is asked for. */
export interface IsolationOptions {
  /** Requests per second. */
  readonly rate: number;
  /** How long a slice is. */
  readonly seconds: number;
  /** How many slices each scene gets, and the primary alone beside it. */
  readonly turns: number;
  /** The scenes that are compared with the primary alone. */
  readonly scenes: readonly Scene[];
  /** Write the table into the page about isolation. */
  readonly write: boolean;
}

/** The help text. */
export const ISOLATION_HELP = `Times the primary's answers beside services in trouble.

deno task isolation [FLAGS]

--rate N       requests per second (default 1000)
--seconds S    the length of a slice (default 8)
--turns N      slices of each scene, and as many of the primary alone in between, evenly over four
               processes of each (default 8)
--scene TEXT   only scenes whose name holds this, repeatable
--write        writes the table into docs/explanation/isolation.md, whatever it shows
`;

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @returns What is asked for; `undefined` where that is help.
 * @throws {Error} If a flag or its value is unknown.
 */
export function parseIsolationOptions(args: readonly string[]): IsolationOptions | undefined {
  const flags = parseArgs([...args], {
    boolean: ["help", "write"],
    string: ["rate", "seconds", "turns", "scene"],
    collect: ["scene"],
    unknown(flag) {
      throw new Error(`Cannot run the scenes as there is no such flag: "${flag}"`);
    },
  });
  if (flags.help) return undefined;
  const scenes = SCENES.filter(({ name }) =>
    flags.scene.length === 0 || flags.scene.some((text) => name.includes(text))
  );
  const [first] = flags.scene;
  if (scenes.length === 0) throw new Error(`Cannot run the scenes as no name holds what "--scene" says: "${first}"`);
  if (flags.write && flags.scene.length > 0) {
    throw new Error(`Cannot use "--write" as it needs all scenes: found "--scene"`);
  }
  return {
    rate: wholeNumber("rate", flags.rate, 1_000),
    seconds: wholeNumber("seconds", flags.seconds, 8),
    turns: wholeNumber("turns", flags.turns, 8),
    scenes,
    write: flags.write,
  };
}
