import { assertEquals, assertGreater } from "@std/assert";

import { findModuleState, findViolations, type SourceFile } from "./_support/source_rules.ts";

const ROOT = new URL("../", import.meta.url);

async function readSource(path: string): Promise<SourceFile[]> {
  if (path.endsWith(".ts")) return [{ path, text: await Deno.readTextFile(new URL(path, ROOT)) }];
  const files: SourceFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(path, ROOT))) {
    if (isDirectory || name.endsWith(".ts")) files.push(...await readSource(`${path}/${name}`));
  }
  return files;
}

Deno.test("imports point one way, stay within the package and @std, and only some layers use the host's globals", async () => {
  const files = [...await readSource("mod.ts"), ...await readSource("cli.ts"), ...await readSource("src")];
  assertGreater(files.length, 20);
  assertEquals(findViolations(files), []);
});

Deno.test("modules of src/ have no mutable state, apart from the listed ones", async () => {
  assertEquals(findModuleState(await readSource("src")), []);
});

Deno.test("src/ has no syntax that Node 20 and 22 cannot parse, because bundles of mod.ts include the command line", async () => {
  const files = [...await readSource("mod.ts"), ...await readSource("cli.ts"), ...await readSource("src")];
  assertEquals(files.filter(({ text }) => /^\s*(?:await )?using \w+ =/m.test(text)).map(({ path }) => path), []);
});

/** Functions of Deno that a supported version of Node lacks. */
const MISSING_IN_NODE = /\.(?:toHex|toBase64)\(|\.(?:fromHex|fromBase64|fromAsync|groupBy)\(|\bPromise\.try\(/;

Deno.test("src/ calls no function that Node 20, 22 or 24 lacks, outside the command line", async () => {
  const files = [...await readSource("mod.ts"), ...await readSource("src")];
  const calls = files.filter(({ path, text }) => !path.startsWith("src/cli/") && MISSING_IN_NODE.test(text));
  assertEquals(calls.map(({ path, text }) => `${path}: ${MISSING_IN_NODE.exec(text)![0]}`), []);
});

/** Each row adds one violation to a valid package. The last column is the expected report. */
const PLANTED: [path: string, text: string, violation: string][] = [
  [
    "src/config/config.ts",
    `import { match } from "../proxy/match.ts";`,
    "src/config/config.ts imports src/proxy/match.ts",
  ],
  [
    "src/http/headers.ts",
    `import type { E } from "../observe/events.ts";`,
    "src/http/headers.ts imports src/observe/events.ts",
  ],
  [
    "src/policy/breaker.ts",
    `export * from "../observe/events.ts";`,
    "src/policy/breaker.ts imports src/observe/events.ts",
  ],
  [
    "src/observe/log.ts",
    `import {\n  select,\n} from "../proxy/select.ts";`,
    "src/observe/log.ts imports src/proxy/select.ts",
  ],
  ["src/server/serve.ts", `import "../cli/main.ts";`, "src/server/serve.ts imports src/cli/main.ts"],
  ["src/cli/main.ts", `const lazy = await import("../../mod.ts");`, "src/cli/main.ts imports mod.ts"],
  ["cli.ts", `import "./mod.ts";`, "cli.ts imports mod.ts"],
  ["src/proxy/match.ts", `import { z } from "npm:zod";`, "src/proxy/match.ts imports npm:zod"],
  ["src/proxy/match.ts", `import { join } from "node:path";`, "src/proxy/match.ts imports node:path"],
  [
    "src/upstream/http1/dial.ts",
    `const { connect } = await import("node:tls");`,
    "src/upstream/http1/dial.ts imports node:tls",
  ],
  [
    "src/upstream/http1/insecure_socket.ts",
    `import "node:fs";`,
    "src/upstream/http1/insecure_socket.ts imports node:fs",
  ],
  ["src/proxy/match.ts", `const plugin = await import(name);`, "src/proxy/match.ts imports import(…)"],
  [
    "src/proxy/match.ts",
    `import "./missing.ts";`,
    "src/proxy/match.ts imports src/proxy/missing.ts, which is not a file of the package",
  ],
  ["src/admin/assets.ts", `import "./dashboard/map.js";`, "src/admin/assets.ts imports src/admin/dashboard/map.js"],
  ["src/lib/hash.ts", `import "../config/config.ts";`, "src/lib/hash.ts imports src/config/config.ts"],
  ["src/utils/strings.ts", "", "src/utils/strings.ts belongs to no layer"],
  ["src/conductor.ts", "", "src/conductor.ts belongs to no layer"],
  ["src/proxy/match.ts", `  console.log("matched");`, "src/proxy/match.ts uses console"],
  ["mod.ts", `Deno.serve({ port: 8080 }, conductor);`, "mod.ts uses Deno"],
  ["src/http/client_request.ts", `type Info = Deno.ServeHandlerInfo;`, "src/http/client_request.ts uses Deno"],
  ["src/config/config.ts", `import "./config.ts";`, "circular: src/config/config.ts → src/config/config.ts"],
  [
    "src/observe/events.ts",
    `import "./log.ts";`,
    "circular: src/observe/events.ts → src/observe/log.ts → src/observe/events.ts",
  ],
];

const SOUND: Record<string, string> = {
  "mod.ts":
    `/** Uses Deno.serve. */\nexport * from "./src/proxy/handler.ts";\nif (import.meta.main) Deno.exit(await import("./cli.ts"));`,
  "cli.ts": `import { main } from "./src/cli/main.ts";\nDeno.exit(await main(Deno.args));`,
  "src/cli/main.ts": `import { serve } from "../server/serve.ts";\nimport { parse } from "@std/yaml";`,
  "src/server/serve.ts": `import { conductor } from "../proxy/handler.ts";`,
  "src/proxy/handler.ts": `import { select } from "./select.ts";\nimport type { E } from "../observe/events.ts";`,
  "src/proxy/select.ts": `import { match } from "./match.ts"; // not console.log`,
  "src/proxy/match.ts": `import type { Config } from "../config/config.ts";\nimport { hash } from "../lib/hash.ts";`,
  "src/policy/breaker.ts": `import { clientRequest } from "../http/client_request.ts";`,
  "src/http/headers.ts": "",
  "src/http/client_request.ts": `import type { Config } from "../config/config.ts";\nimport "./headers.ts";`,
  "src/lib/hash.ts": "",
  "src/observe/events.ts": "",
  "src/observe/log.ts": `import "./events.ts";`,
  "src/upstream/http1/insecure_socket.ts": `const { connect } = await import("node:tls");`,
  "src/admin/assets.ts": `import map from "./dashboard/map.js" with { type: "text" };`,
  "src/config/config.ts": `import { parse } from "@std/yaml/parse";`,
};

Deno.test("findViolations() finds nothing in a valid package", () => {
  assertEquals(findViolations(Object.entries(SOUND).map(([path, text]) => ({ path, text }))), []);
});

for (const [path, text, violation] of PLANTED) {
  Deno.test(`findViolations() finds "${violation}"`, () => {
    const planted = { ...SOUND, [path]: text };
    const found = findViolations(Object.entries(planted).map(([path, text]) => ({ path, text })));
    assertEquals(found.filter((sentence) => sentence === violation), [violation]);
  });
}

/** Each row: the module, and the names of its mutable state. */
const MODULES: [name: string, text: string, state: string[]][] = [
  ["a variable", "let count = 0;", ["count"]],
  ["an exported variable", "export let count = 0;", ["count"]],
  ["a map that a function fills", "const SEEN = new Map();\nfunction see(a) {\n  SEEN.set(a, 1);\n}", ["SEEN"]],
  ["a list that a method extends", "const ALL = [];\nclass A {\n  add() {\n    ALL.push(1);\n  }\n}", ["ALL"]],
  ["a field that a function sets", "const STATE = { n: 0 };\nfunction f() {\n  STATE.n = 1;\n}", ["STATE"]],
  ["an entry that a function adds to", "const COUNTS = [0];\nfunction f(i) {\n  COUNTS[i] += 1;\n}", ["COUNTS"]],
  ["a table that is filled once", "const TABLE = [];\nfor (const a of [1]) TABLE.push(a);", []],
  ["a set that is only read", 'const NAMES = new Set(["a"]);\nfunction f(a) {\n  return NAMES.has(a);\n}', []],
  ["a comparison", "const LIMITS = { n: 1 };\nfunction f(a) {\n  return LIMITS.n === a;\n}", []],
  ["a local variable", "function f() {\n  let count = 0;\n  return count++;\n}", []],
  ["a comment", "// let count = 0;", []],
];

for (const [name, text, state] of MODULES) {
  Deno.test(`findModuleState() checks ${name}`, () => {
    const path = "src/lib/a.ts";
    assertEquals(findModuleState([{ path, text }]), state.map((name) => `${path} ${name}`));
  });
}
