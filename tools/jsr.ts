/**
 * Prints the `JSR_URL` to use: `JSR_URL` itself if it is set, jsr.io if it can be reached, otherwise a local folder.
 * With the folder, a machine that reaches only npm runs the same imports as every other machine.
 *
 * `--local` always writes the folder, with this package in it. It runs the package as users will, before it is
 * published: `JSR_URL=$(deno run -A tools/jsr.ts --local) deno run -A jsr:@zeek/conductor`.
 *
 * @module
 */

import { pathToFileURL } from "node:url";

import { layOut, packageFiles, standInFiles } from "./jsr_layout.ts";
import { weaknessAbove } from "./private_folder.ts";

const JSR_URL = "https://jsr.io/";
const PROBE_TIMEOUT_MS = 2_000;
const ROOT = new URL("../", import.meta.url);

async function isJsrReachable(): Promise<boolean> {
  try {
    const response = await fetch(new URL("@std/assert/meta.json", JSR_URL), {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return response.ok && (await response.json()).name === "assert";
  } catch {
    return false;
  }
}

/** Returns the user's cache folder for layouts, which must be outside the package for Deno. */
function cacheFolder(): string | undefined {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? Deno.env.get("LOCALAPPDATA");
  if (cache) return `${cache}/conductor/jsr`;
  const home = Deno.env.get("HOME");
  return home ? `${home}/.cache/conductor/jsr` : undefined;
}

/** Returns a folder that no other user can write to, because its content is run with all permissions. */
async function layoutParent(): Promise<string> {
  const cache = cacheFolder();
  if (cache !== undefined) {
    // Checked only after it exists, because another user could create it before.
    await Deno.mkdir(cache, { recursive: true, mode: 0o700 });
    const weakness = await weaknessAbove(cache);
    if (weakness === undefined) return cache;
    console.error(`Using a new folder instead of ${cache}: ${weakness}`);
  }
  const fresh = await Deno.makeTempDir({ prefix: "conductor-jsr-" });
  const weakness = await weaknessAbove(fresh);
  if (weakness === undefined) return fresh;
  await Deno.remove(fresh);
  const remedy = "set XDG_CACHE_HOME to a folder that only this user can write to";
  throw new Error(`Cannot lay out a registry in ${fresh}: ${weakness}; ${remedy}`);
}

async function jsrUrl(isLocal: boolean): Promise<string> {
  if (!isLocal) {
    const given = Deno.env.get("JSR_URL");
    if (given) return given;
    if (await isJsrReachable()) return JSR_URL;
  }
  const files = await standInFiles();
  const folder = await layOut(await layoutParent(), isLocal ? { ...files, ...await packageFiles(ROOT) } : files);
  return pathToFileURL(`${folder}/`).href;
}

if (import.meta.main) {
  try {
    console.log(await jsrUrl(Deno.args.includes("--local")));
  } catch (error) {
    console.error(error instanceof Error ? `error: ${error.message}` : error);
    Deno.exit(1);
  }
}
