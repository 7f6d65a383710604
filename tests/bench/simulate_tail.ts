/**
 * Simulates the effect of races and hedges on tail latency, and their extra load. `--write` updates the page about tail
 * latency. Fails if the race of two services differs from its closed form.
 *
 * ```sh
 * deno task simulate --requests 100000 --seed 1
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { writeDocPart } from "../../tools/doc_part.ts";
import { raceErrors, simulateTail, tailTable } from "./tail_simulation.ts";

const flags = parseArgs(Deno.args, { string: ["requests", "seed"], boolean: ["write"] });
const results = await simulateTail(Number(flags.requests ?? 100_000), Number(flags.seed ?? 1));
const table = tailTable(results);
console.log(table);
const errors = raceErrors(results);
for (const error of errors) console.error(error);
if (errors.length > 0) Deno.exit(1);
if (flags.write) await writeDocPart("tail", table);
