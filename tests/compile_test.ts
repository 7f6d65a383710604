import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/**
 * Any program does in place of Deno's run-time, which would have to be fetched: what is packed behind it can be read,
 * though not run.
 */
const STAND_IN_RUNTIME = "/bin/true";

async function deno(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "deno compile packs every module of the command line, with no permission but net and read",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await Deno.makeTempDir();
    const output = `${folder}/conductor`;
    const permissions = ["--allow-net", "--allow-read", "--no-prompt"];
    await deno(["compile", ...permissions, "--output", output, "cli.ts"], { DENORT_BIN: STAND_IN_RUNTIME });
    const binary = new TextDecoder("latin1").decode(await Deno.readFile(output));
    await Deno.remove(folder, { recursive: true });

    const { modules } = JSON.parse(await deno(["info", "--json", "cli.ts"]));
    const paths = modules.map(({ specifier }: { specifier: string }) => specifier)
      .filter((specifier: string) => specifier.startsWith(ROOT.href));
    assertGreater(paths.length, 20);
    for (const path of paths) assertStringIncludes(binary, `{"n":"${path.slice(path.lastIndexOf("/") + 1)}"`, path);

    const [, granted] = binary.match(/"permissions":(\{.*?\}),"location"/)!;
    const { prompt, ...grants } = JSON.parse(granted!);
    assertEquals(prompt, false);
    const allowed = Object.entries(grants).filter(([name, value]) => /^allow_(?!import)/.test(name) && value !== null);
    assertEquals(Object.fromEntries(allowed), { allow_net: [], allow_read: [] });
  },
});
