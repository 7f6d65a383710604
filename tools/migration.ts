/**
 * Runs the migration example. `--write` puts its configuration and its output into the tutorial.
 *
 * ```sh
 * deno task migration --write
 * ```
 */

import { writeDocPart } from "./doc_part.ts";

const example = (name: string) => new URL(`../examples/migration/${name}`, import.meta.url);

const { code, stdout } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", example("run.ts").href],
  stdout: "piped",
  stderr: "inherit",
}).output();
await Deno.stdout.write(stdout);
if (code !== 0) Deno.exit(code);
if (Deno.args.includes("--write")) {
  // A run uses free ports. The tutorial shows the ports of the configuration.
  const text = new TextDecoder().decode(stdout).replaceAll(/(--admin \S+:)\d+/g, "$19090");
  const [, before, after] = text.split(/^v2 (?:with its regressions|fixed)\n/m);
  await writeDocPart("migration-config", fenced("yaml", await Deno.readTextFile(example("config.yaml"))));
  await writeDocPart("migration-before", fenced("text", before));
  await writeDocPart("migration-after", fenced("text", after));
}

function fenced(language: string, text = ""): string {
  return `\`\`\`${language}\n${text.trim()}\n\`\`\``;
}
