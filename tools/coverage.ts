/**
 * Reports the lines of `src/` that the tests cover, and fails below the thresholds of deno.json.
 *
 * Processes that tests start write profiles too. A process that is stopped while it writes leaves an incomplete
 * profile, which `deno coverage` cannot read. Incomplete profiles are therefore removed first.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const PROFILES = new URL("coverage/", ROOT);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

for await (const { name, isFile } of Deno.readDir(PROFILES)) {
  const profile = new URL(name, PROFILES);
  if (isFile && name.endsWith(".json") && !isJson(await Deno.readTextFile(profile))) await Deno.remove(profile);
}

// Tests copy src/ to other folders. These copies do not count.
const include = `^${RegExp.escape(new URL("src/", ROOT).href)}`;
const report = new Deno.Command(Deno.execPath(), {
  args: ["coverage", fileURLToPath(PROFILES), `--include=${include}`],
  cwd: fileURLToPath(ROOT),
  stdin: "null",
});
Deno.exit((await report.spawn().status).code);
