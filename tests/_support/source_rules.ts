/** Rules for imports, for globals of the host and for state of modules: the map in CONTRIBUTING.md as data. */

/** A source file, by its path from the root of the package. */
export interface SourceFile {
  /** The path, for example `src/config/read.ts`. */
  readonly path: string;
  /** The text of the file. */
  readonly text: string;
}

/**
 * The layers, lowest first. A layer is a folder of src/, or an entry point. It imports only itself and lower layers.
 */
const LAYERS = [
  "lib",
  "config",
  "http",
  "body",
  "upstream",
  "policy",
  "observe",
  "compare",
  "capture",
  "proxy",
  "admin",
  "server",
  "cli",
  "cli.ts",
  "mod.ts",
];

/**
 * Layers that may use `Deno.` and `console.`. All others run on any runtime with `fetch`. Code after `import.meta.main`
 * is exempt.
 */
const MAY_TOUCH_HOST = ["cli.ts", "cli", "server", "upstream"];

/**
 * Modules of the platform, for the only files that need them: TLS (decision 009), content codings (decision 018),
 * the node listener, and files in Node and Bun.
 */
const PLATFORM_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "src/upstream/http1/insecure_socket.ts": ["node:stream", "node:tls"],
  "src/upstream/http1/node_socket.ts": ["node:net", "node:tls"],
  "src/compare/decode_body.ts": ["node:zlib"],
  "src/admin/asset_files.ts": ["node:fs/promises"],
  "src/server/read_text_file.ts": ["node:fs/promises"],
  "src/server/socket_file.ts": ["node:fs/promises", "node:net"],
  "src/server/accept_watch.ts": ["node:net"],
  "src/server/connection_admissions.ts": ["node:net"],
  "src/server/node_listener.ts": ["node:http", "node:https", "node:net"],
  "src/server/node_connection.ts": ["node:http", "node:net"],
  "src/server/node_chunks.ts": ["node:http"],
  "src/server/node_exchange.ts": ["node:http"],
  "src/server/node_body.ts": ["node:http"],
  "src/server/node_tunnel.ts": ["node:net"],
};

const STATIC_IMPORT = /^(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["']([^"']+)["']/gm;
/** A file of the package that is imported as text. Its contents are not code of the importing module. */
const TEXT_IMPORT = /^import \w+ from "\.{1,2}\/[^"]+" with \{ type: "text" \};$/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*(?:["']([^"']+)["'])?/g;

/**
 * Finds every import and every use of a host's global that the layers do not allow.
 *
 * @param files All files of the package.
 * @returns One sentence for each violation.
 */
export function findViolations(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map(({ path, text }) => [path, readImports(path, text)]));
  const violations = [...findCycles(graph)];
  for (const { path, text } of files) {
    const layer = layerOf(path);
    const level = LAYERS.indexOf(layer);
    if (level === -1) {
      violations.push(`${path} belongs to no layer`);
      continue;
    }
    for (const target of graph.get(path)!) {
      if (isPackage(target)) {
        const isAllowed = target.startsWith("@std/") || PLATFORM_IMPORTS[path]?.includes(target);
        if (!isAllowed) violations.push(`${path} imports ${target}`);
      } else if (!graph.has(target)) {
        violations.push(`${path} imports ${target}, which is not a file of the package`);
      } else if (LAYERS.indexOf(layerOf(target)) > level) {
        violations.push(`${path} imports ${target}`);
      }
    }
    const [imported = ""] = withoutComments(text).split("if (import.meta.main)");
    const host = imported.match(/\b(Deno|console)\./);
    if (host && !MAY_TOUCH_HOST.includes(layer)) violations.push(`${path} uses ${host[1]}`);
  }
  return violations;
}

/** Returns the folder of a file below `src/`, or the path of an entry point. */
function layerOf(path: string): string {
  return path.startsWith("src/") ? path.split("/")[1]! : path;
}

function isPackage(target: string): boolean {
  return !target.endsWith(".ts") || target.includes(":");
}

/** Returns the imports of a file, type-only and dynamic ones included: paths from the root, or names of packages. */
function readImports(path: string, text: string): string[] {
  const code = withoutComments(text).replace(TEXT_IMPORT, "");
  const specifiers = [...code.matchAll(STATIC_IMPORT), ...code.matchAll(DYNAMIC_IMPORT)]
    .map(([all, specifier]) => specifier ?? `${all}…)`);
  const base = new URL(path, "file:///");
  return specifiers.map((specifier) =>
    /^\.{1,2}\//.test(specifier) ? new URL(specifier, base).pathname.slice(1) : specifier
  );
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/(^|\s)\/\/.*$/gm, "");
}

function* findCycles(graph: ReadonlyMap<string, readonly string[]>): Iterable<string> {
  const done = new Set<string>();
  function visit(path: string, trail: readonly string[]): string | undefined {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(" → ");
    if (done.has(path)) return undefined;
    for (const target of graph.get(path) ?? []) {
      const cycle = visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  }
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) {
      yield `circular: ${cycle}`;
      return;
    }
  }
}

/** Mutable state of modules that is allowed, with the reason. */
const ALLOWED_STATE: Readonly<Record<string, string>> = {
  "src/http/trace_context.ts taken": "random bytes are drawn in blocks, because single draws cost ten times as much",
  "src/observe/events.ts PATTERNS": "cache of a pure function, keyed by objects of the configuration",
};

const VARIABLE = /^(?:export )?(?:let|var) (\w+)/gm;
const CONSTANT = /^(?:export )?const (\w+)/gm;
const MUTATORS = "add|clear|copyWithin|delete|fill|pop|push|reverse|set|shift|sort|splice|unshift";

/**
 * Finds mutable state of modules in `src/`: variables, and constants that a function of the module changes. Statements
 * at the top level may fill a table, because they run once.
 */
export function findModuleState(files: readonly SourceFile[]): string[] {
  const state = files.filter(({ path }) => path.startsWith("src/")).flatMap(({ path, text }) => {
    const code = withoutComments(text);
    const variables = [...code.matchAll(VARIABLE)].map(([, name]) => name!);
    const constants = [...code.matchAll(CONSTANT)].map(([, name]) => name!).filter((name) => isChanged(code, name));
    return [...variables, ...constants].map((name) => `${path} ${name}`);
  });
  return state.filter((name) => !(name in ALLOWED_STATE));
}

/**
 * Reports whether a function changes a constant. `lastIndex` is exempt: every use of a sticky expression sets it first.
 * A local variable of the same name would count as well, so such names must differ.
 */
function isChanged(code: string, name: string): boolean {
  const access = `(?<![\\w.#])${name}(?:\\.\\w+|\\[[^\\]]*\\])*`;
  const call = `${access}\\.(?:${MUTATORS})\\(`;
  const assignment = `${access}(?:\\.(?!lastIndex\\b)\\w+|\\[[^\\]]*\\])\\s*(?:[-+*/|&^]|<<|>>|\\?\\?)?=(?![=>])`;
  const functions = code.split(/^(?=(?:export )?(?:default )?(?:async )?(?:function|class) )/m).slice(1)
    .map((part) => part.slice(0, part.search(/^\}/m)));
  return functions.some((body) => new RegExp(`${call}|${assignment}`).test(body));
}
