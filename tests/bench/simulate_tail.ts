/**
 * Prints what redundancy does to the tail, and costs; with `--write`, puts it into README.md. It fails where the race of
 * two is off from its closed form.
 *
 * ```sh
 * deno task simulate --requests 100000 --seed 1
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { writeReadmePart } from "../../tools/readme_part.ts";
import { raceErrors, simulateTail, tailTable } from "./tail_simulation.ts";

const flags = parseArgs(Deno.args, { string: ["requests", "seed"], boolean: ["write"] });
const results = await simulateTail(Number(flags.requests ?? 100_000), Number(flags.seed ?? 1));
const table = tailTable(results);
console.log(table);
const errors = raceErrors(results);
for (const error of errors) console.error(error);
if (errors.length > 0) Deno.exit(1);
if (flags.write) await writeReadmePart("tail", table);
