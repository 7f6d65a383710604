/** Packages of npm for programs in Node and Bun, with conductor as one of them. */

import { assert } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** True on the system for which the packages contain runtimes. */
export const hasNodePackages: boolean = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

/**
 * Installs packages, and a bundle of this checkout as `@zeek/conductor`. Runtimes are installed from packages that
 * contain the binary, so that no script has to run.
 *
 * @param folder The folder of the program.
 * @param packages Packages with their versions, as for `npm install`.
 */
export async function installPackages(folder: string, packages: readonly string[]): Promise<void> {
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ private: true, type: "module" }));
  const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", ...packages];
  await run("npm", { args: install, cwd: folder });
  const home = `${folder}/node_modules/@zeek/conductor`;
  await run(Deno.execPath(), { args: ["bundle", "--quiet", "--output", `${home}/mod.js`, "mod.ts"], cwd: ROOT });
  const manifest = { name: "@zeek/conductor", version: "0.0.0", type: "module", exports: "./mod.js" };
  await Deno.writeTextFile(`${home}/package.json`, JSON.stringify(manifest));
}

async function run(command: string, options: Deno.CommandOptions): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { ...options, stdin: "null" }).output();
  assert(success, new TextDecoder().decode(stderr));
}
