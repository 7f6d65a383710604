/** Command line of the isolation benchmark. */

import { parseArgs } from "@std/cli/parse-args";
import { integerFlag } from "../bench_options.ts";
import { type Scene, SCENES } from "./scenes.ts";

/** Parsed command line. */
export interface IsolationOptions {
  /** Requests per second. */
  readonly rate: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Slices per scene, and of the primary alone beside it. */
  readonly turns: number;
  /** Scenes to compare with the primary alone. */
  readonly scenes: readonly Scene[];
  /** Write the table to the page about isolation. */
  readonly write: boolean;
}

export const ISOLATION_HELP = `Times the primary's responses beside faulty services.

deno task isolation [FLAGS]

--rate N       requests per second (default 1000)
--seconds S    length of a slice (default 8)
--turns N      slices of each scene, and as many of the primary alone in between, evenly over four
               processes of each (default 8)
--scene TEXT   only scenes whose name contains this, repeatable
--write        write the table to docs/explanation/isolation.md, even if a bound is exceeded
`;

/** Parses the command line. Returns `undefined` for --help. */
export function parseIsolationOptions(args: readonly string[]): IsolationOptions | undefined {
  const flags = parseArgs([...args], {
    boolean: ["help", "write"],
    string: ["rate", "seconds", "turns", "scene"],
    collect: ["scene"],
    unknown(flag) {
      throw new Error(`Cannot run the scenes: unknown flag "${flag}"`);
    },
  });
  if (flags.help) return undefined;
  const scenes = SCENES.filter(({ name }) =>
    flags.scene.length === 0 || flags.scene.some((text) => name.includes(text))
  );
  const [first] = flags.scene;
  if (scenes.length === 0) throw new Error(`Cannot run the scenes: no name contains "${first}"`);
  if (flags.write && flags.scene.length > 0) {
    throw new Error(`--write cannot be combined with --scene`);
  }
  return {
    rate: integerFlag("rate", flags.rate, 1_000),
    seconds: integerFlag("seconds", flags.seconds, 8),
    turns: integerFlag("turns", flags.turns, 8),
    scenes,
    write: flags.write,
  };
}
