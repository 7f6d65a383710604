/**
 * Measures how much code one GET runs through: functions and files of `src/`, by V8's coverage.
 *
 * `deno run -A tests/bench/journey_coverage.ts [--files] [ROOT]`, where ROOT is another checkout of the package.
 * `--files` lists the functions of each file.
 *
 * A child process serves a few requests, another one request more. Only functions with more calls in the second process
 * are on the path, so that start-up, the first connection and shutdown do not count.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";

interface FunctionCoverage {
  readonly functionName: string;
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly FunctionCoverage[];
}

/** Requests before the measured one. Connections are pooled by then. */
const WARM_UP_REQUESTS = 20;

/**
 * Sends `requests` GETs through a listener, one after the other. Older checkouts export the handler from another file.
 * The backend runs no code of `src/`.
 */
const CHILD = `
const [root, requests] = Deno.args;
const { createHandler } = await import(root + "src/proxy/fetch_handler.ts").catch(() =>
  import(root + "src/proxy/handler.ts")
);
const { validateConfig } = await import(root + "src/config/validate.ts");
const backend = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response("hello"));
const { config } = validateConfig({ services: [{ name: "api", url: "http://127.0.0.1:" + backend.addr.port, path: "/" }] });
const handle = createHandler(config, { observe() {} });
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handle);
for (let count = 0; count < Number(requests); count++) {
  const response = await fetch("http://127.0.0.1:" + server.addr.port + "/greeting?q=1");
  if (await response.text() !== "hello") throw new Error("The response is not the backend's");
}
Deno.exit(0);
`;

/** Returns the calls of each function of `src/`, by file and position. */
async function callsAfter(root: URL, requests: number): Promise<Map<string, number>> {
  const dir = await Deno.makeTempDir();
  try {
    const child = `${dir}/child.ts`;
    await Deno.writeTextFile(child, CHILD);
    const coverage = `${dir}/coverage`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${fileURLToPath(new URL("deno.json", root))}`,
        `--coverage=${coverage}`,
      ]
        .concat(child, root.href, String(requests)),
    }).output();
    if (!success) throw new Error(`Cannot serve the requests: ${new TextDecoder().decode(stderr)}`);
    return await readCalls(coverage, new URL("src/", root).href);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function readCalls(dir: string, src: string): Promise<Map<string, number>> {
  const calls = new Map<string, number>();
  for await (const { name } of Deno.readDir(dir)) {
    if (!name.endsWith(".json")) continue;
    const { url, functions }: ScriptCoverage = JSON.parse(await Deno.readTextFile(`${dir}/${name}`));
    if (!url.startsWith(src)) continue;
    for (const { functionName, ranges: [range] } of functions) {
      if (range === undefined || range.startOffset === 0) continue;
      calls.set(`${url.slice(src.length)} ${functionName || "(anonymous)"} ${range.startOffset}`, range.count);
    }
  }
  return calls;
}

async function main(args: string[]): Promise<void> {
  const listsFiles = args.includes("--files");
  const [path] = args.filter((arg) => !arg.startsWith("--"));
  const root = path === undefined ? new URL("../../", import.meta.url) : pathToFileURL(`${await Deno.realPath(path)}/`);
  const before = await callsAfter(root, WARM_UP_REQUESTS);
  const after = await callsAfter(root, WARM_UP_REQUESTS + 1);
  const files = new Map<string, string[]>();
  for (const [key, count] of after) {
    const [file = "", name = ""] = key.split(" ");
    if (count > (before.get(key) ?? 0)) files.set(file, [...files.get(file) ?? [], name]);
  }
  const folders = new Map<string, { files: number; functions: number }>();
  for (const [file, names] of files) {
    const folder = file.split("/")[0]!;
    const { files: known, functions } = folders.get(folder) ?? { files: 0, functions: 0 };
    folders.set(folder, { files: known + 1, functions: functions + names.length });
  }
  for (const [folder, { files, functions }] of [...folders].sort()) {
    console.log(`${folder.padEnd(12)} ${String(functions).padStart(4)} functions in ${files} files`);
  }
  const functions = [...files.values()].reduce((sum, names) => sum + names.length, 0);
  console.log(`${"total".padEnd(12)} ${String(functions).padStart(4)} functions in ${files.size} files`);
  if (!listsFiles) return;
  for (const [file, names] of [...files].sort()) console.log(`${file}: ${names.join(", ")}`);
}

if (import.meta.main) await main(Deno.args);
