/**
 * Runs the worked example; with `--write`, puts its configuration and what it prints into README.md.
 *
 * ```sh
 * deno task migration --write
 * ```
 */

import { writeReadmePart } from "./readme_part.ts";

const example = (name: string) => new URL(`../examples/migration/${name}`, import.meta.url);

const { code, stdout } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", example("run.ts").href],
  stdout: "piped",
  stderr: "inherit",
}).output();
await Deno.stdout.write(stdout);
if (code !== 0) Deno.exit(code);
if (Deno.args.includes("--write")) {
  // The ports of a run are any free ones; a reader has those of the configuration.
  const text = new TextDecoder().decode(stdout).replaceAll(/(--admin \S+:)\d+/g, "$19090");
  const [, before, after] = text.split(/^v2 (?:as it came|mended)\n/m);
  const parts = {
    "migration-config": fenced("yaml", await Deno.readTextFile(example("config.yaml"))),
    "migration-before": fenced("", before),
    "migration-after": fenced("", after),
  };
  for (const [name, part] of Object.entries(parts)) await writeReadmePart(name, part);
}

function fenced(language: string, text = ""): string {
  return `\`\`\`${language}\n${text.trim()}\n\`\`\``;
}
