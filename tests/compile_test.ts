import { assert, assertArrayIncludes, assertEquals, assertGreater } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/**
 * Any program replaces Deno's runtime, which would have to be downloaded. The packed modules can be read, though not
 * run.
 */
const STAND_IN_RUNTIME = "/bin/true";

async function deno(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

interface ModuleGraph {
  roots: string[];
  modules: { specifier: string; dependencies?: { code?: { specifier?: string } }[] }[];
}

/** Returns the modules that exist at run time. Type-only imports do not. */
function loadedModules({ roots, modules }: ModuleGraph): string[] {
  const dependencies = new Map(modules.map(({ specifier, dependencies = [] }) => [specifier, dependencies]));
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    for (const { code } of dependencies.get(specifier) ?? []) if (code?.specifier) loaded.add(code.specifier);
  }
  return [...loaded];
}

const isLinux = Deno.build.os === "linux";

Deno.test({
  name: "deno compile packs every module of the command line, with no permission but net and read" +
    (isLinux ? "" : " (ignored: there is nothing to stand in for the run-time but on Linux)"),
  ignore: !isLinux,
  async fn() {
    const folder = await Deno.makeTempDir();
    const output = `${folder}/conductor`;
    const permissions = ["--allow-net", "--allow-read", "--no-prompt"];
    await deno(["compile", ...permissions, "--output", output, "cli.ts"], { DENORT_BIN: STAND_IN_RUNTIME });
    const binary = new TextDecoder("latin1").decode(await Deno.readFile(output));
    await Deno.remove(folder, { recursive: true });

    const names = loadedModules(JSON.parse(await deno(["info", "--json", "cli.ts"])))
      .filter((specifier) => specifier.startsWith(ROOT.href))
      .map((specifier) => specifier.slice(specifier.lastIndexOf("/") + 1));
    assertGreater(names.length, 20);
    // The worker is also imported. Otherwise users would have to name it when they compile.
    assertArrayIncludes(names, ["worker.ts"]);
    assertEquals(names.filter((name) => !binary.includes(`{"n":"${name}"`)), []);

    const [, granted] = binary.match(/"permissions":(\{.*?\}),"location"/)!;
    const { prompt, ...grants } = JSON.parse(granted!);
    assertEquals(prompt, false);
    const allowed = Object.entries(grants).filter(([name, value]) => /^allow_(?!import)/.test(name) && value !== null);
    assertEquals(Object.fromEntries(allowed), { allow_net: [], allow_read: [] });
  },
});
