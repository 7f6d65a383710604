/**
 * Reports which lines of `src/` the tests reach, and fails below the thresholds of deno.json.
 *
 * Processes that tests start write profiles too. One that is stopped while it writes leaves half a profile behind, at
 * which `deno coverage` gives up; so those go first.
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

// Copies of src/ elsewhere, where a test has laid one out, do not count.
const include = `^${RegExp.escape(new URL("src/", ROOT).href)}`;
const report = new Deno.Command(Deno.execPath(), {
  args: ["coverage", fileURLToPath(PROFILES), `--include=${include}`],
  cwd: fileURLToPath(ROOT),
  stdin: "null",
});
Deno.exit((await report.spawn().status).code);
