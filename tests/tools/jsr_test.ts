import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { startChild } from "../_support/child.ts";
import { startBackend } from "../_support/servers.ts";
import { layOut, packageFiles, standInFiles } from "../../tools/jsr_layout.ts";
import { STAND_IN } from "../../tools/jsr_stand_in.ts";

const ROOT = new URL("../../", import.meta.url);

/** Runs `tools/jsr.ts`. */
async function runJsr(args: string[], env: Record<string, string> = {}) {
  const tool = new URL("tools/jsr.ts", ROOT).href;
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", tool, ...args], env });
  const { stdout, stderr, code } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Runs `tools/jsr.ts`, and returns what it prints. */
async function jsrUrl(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout } = await runJsr(args, env);
  assertEquals(code, 0);
  return stdout;
}

const OTHER_UID = 12_345;
/** File modes and owners are those of Unix; only root can give a file away. */
const NEEDS_MODES = { ignore: Deno.uid() === null };
const NEEDS_ROOT = { ignore: Deno.uid() !== 0 };

/** Makes a cache folder and lets `spoil` make it unsafe, then expects that layouts go to a new private folder. */
async function expectNewFolder(spoil: (cache: string) => Promise<void>, weakness: RegExp): Promise<void> {
  const root = await Deno.makeTempDir();
  const [cache, temporary] = [`${root}/cache`, `${root}/tmp`];
  await Deno.mkdir(cache, { mode: 0o700 });
  await Deno.mkdir(temporary, { mode: 0o700 });
  await spoil(cache);
  const { code, stdout, stderr } = await runJsr(["--local"], { XDG_CACHE_HOME: cache, TMPDIR: temporary });
  assertEquals(code, 0);
  assertMatch(stderr, weakness);
  assertStringIncludes(stdout, `${temporary}/conductor-jsr-`);
  const parent = new URL("..", stdout.trim());
  assertEquals((await Deno.stat(parent)).mode! & 0o777, 0o700);
  await Deno.remove(root, { recursive: true });
}

Deno.test("tools/jsr.ts prints the JSR_URL that is set, and nothing else", async () => {
  assertEquals(await jsrUrl([], { JSR_URL: "https://registry.example/" }), "https://registry.example/\n");
});

Deno.test("tools/jsr.ts --local writes a private folder outside of the package", async () => {
  const cache = await Deno.makeTempDir();
  const url = await jsrUrl(["--local"], { JSR_URL: "https://registry.example/", XDG_CACHE_HOME: cache });
  assertMatch(url, /^file:\/\/\/.*\/\n$/);
  assertStringIncludes(url, cache);
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(`${cache}/conductor/jsr`)).mode! & 0o777, 0o700);
  }
  await Deno.remove(cache, { recursive: true });
});

Deno.test("tools/jsr.ts keeps using a cache folder that only its user can write to", NEEDS_MODES, async () => {
  const cache = await Deno.makeTempDir();
  const runs = [1, 2].map(() => runJsr(["--local"], { XDG_CACHE_HOME: cache }));
  const [first, second] = await Promise.all(runs);
  assertEquals([first!.stderr, second!.stderr], ["", ""]);
  assertEquals(first!.stdout, second!.stdout);
  await Deno.remove(cache, { recursive: true });
});

for (const mode of [0o777, 0o775, 0o1777]) {
  const name = `tools/jsr.ts runs nothing from a cache folder with mode ${mode.toString(8)}`;
  Deno.test(name, NEEDS_MODES, async () => {
    const weakness = /^Using a new folder instead of .*: .*\/jsr can be written by other users\n$/;
    await expectNewFolder(async (cache) => {
      await Deno.mkdir(`${cache}/conductor/jsr`, { recursive: true });
      await Deno.chmod(`${cache}/conductor/jsr`, mode);
    }, weakness);
  });
}

Deno.test(
  "tools/jsr.ts runs nothing from a cache folder inside one that others can write to",
  NEEDS_MODES,
  async () => {
    await expectNewFolder((cache) => Deno.chmod(cache, 0o777), /\/cache can be written by other users\n$/);
  },
);

Deno.test("tools/jsr.ts runs nothing from a cache folder of another user, or inside one", NEEDS_ROOT, async () => {
  const weakness = /(cache|conductor|jsr) belongs to another user\n$/;
  await expectNewFolder((cache) => Deno.chown(cache, OTHER_UID, null), weakness);
  await expectNewFolder(async (cache) => {
    await Deno.mkdir(`${cache}/conductor/jsr`, { recursive: true });
    await Deno.chown(`${cache}/conductor/jsr`, OTHER_UID, null);
  }, weakness);
});

Deno.test("tools/jsr.ts follows no link that another user can change", NEEDS_ROOT, async () => {
  await expectNewFolder(async (cache) => {
    await Deno.mkdir(`${cache}-target`, { mode: 0o700 });
    await Deno.symlink(`${cache}-target`, `${cache}/conductor`);
    await new Deno.Command("chown", { args: ["-h", `${OTHER_UID}`, `${cache}/conductor`] }).output();
  }, /\/conductor belongs to another user\n$/);
});

Deno.test("tools/jsr.ts fails if there is no folder that only its user can write to", NEEDS_MODES, async () => {
  const root = await Deno.makeTempDir();
  await Deno.chmod(root, 0o777);
  const { code, stdout, stderr } = await runJsr(["--local"], { XDG_CACHE_HOME: root, TMPDIR: root });
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /\nerror: Cannot lay out a registry in .*: .* can be written by other users; set XDG_CACHE_HOME /,
  );
  await Deno.remove(root, { recursive: true });
});

Deno.test("the stand-in declares only exports of the underlying code", async () => {
  for (const [name, modules] of Object.entries(STAND_IN)) {
    for (const [entry, { npm, declarations }] of Object.entries(modules)) {
      if (!npm || !declarations) continue;
      const actual = Object.keys(await import(npm));
      for (const [, declared] of declarations.matchAll(/^export (?:function|class|const) (\w+)/gm)) {
        assert(actual.includes(declared!), `${name}/${entry} does not export ${declared}`);
      }
    }
  }
});

Deno.test("the stand-in declares the status codes and texts of the underlying code", async () => {
  const { npm, declarations } = STAND_IN["@std/http"]!["status"]!;
  const { STATUS_CODE, STATUS_TEXT } = await import(npm!);
  const declared = [...declarations!.matchAll(/^ {2}readonly (\w+): (.+);$/gm)];
  const pairs = (object: Record<string, unknown>) =>
    Object.entries(object).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  assertEquals(
    declared.map(([, key, value]) => `${key}: ${value}`).sort(),
    [
      ...pairs(STATUS_CODE),
      ...pairs(STATUS_TEXT),
    ].sort(),
  );
});

Deno.test("the stand-in's version is within every range of deno.json", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const files = await standInFiles();
  for (const specifier of Object.values<string>(imports)) {
    const [, name, version] = specifier.match(/^jsr:(@std\/\w+)@\^(.+)$/)!;
    const { latest } = JSON.parse(files[`${name}/meta.json`]!);
    assertEquals(latest.split(".")[0], version!.split(".")[0], `${name} ${latest} is outside of ^${version}`);
  }
});

Deno.test("layOut() creates one complete folder under concurrent runs", async () => {
  const parent = await Deno.makeTempDir();
  const files = { "a/b.ts": "export {};\n", "c.json": "{}" };
  const folders = await Promise.all(Array.from({ length: 8 }, () => layOut(parent, files)));
  assertEquals(new Set(folders).size, 1);
  assertEquals((await Array.fromAsync(Deno.readDir(parent))).length, 1);
  assertEquals(await Deno.readTextFile(`${folders[0]}/a/b.ts`), "export {};\n");
  await Deno.remove(parent, { recursive: true });
});

Deno.test("layOut() repairs a folder with a missing file", async () => {
  const parent = await Deno.makeTempDir();
  const files = { "a/b.ts": "export {};\n", "c.json": "{}" };
  const folder = await layOut(parent, files);
  await Deno.remove(`${folder}/c.json`);
  assertEquals(await layOut(parent, files), folder);
  assertEquals(await Deno.readTextFile(`${folder}/c.json`), "{}");
  assertEquals((await Array.fromAsync(Deno.readDir(parent))).length, 1);
  await Deno.remove(parent, { recursive: true });
});

Deno.test(
  "layOut() replaces a layout that other users could change, or that contains a link",
  NEEDS_MODES,
  async () => {
    const parent = await Deno.makeTempDir();
    const files = { "a/b.ts": "export {};\n", "c.json": "{}" };
    const folder = await layOut(parent, files);
    const spoils: (() => Promise<void>)[] = [
      () => Deno.chmod(`${folder}/a/b.ts`, 0o666),
      () => Deno.chmod(`${folder}/a`, 0o777),
      () => Deno.chmod(folder, 0o775),
      async () => {
        await Deno.writeTextFile(`${parent}/elsewhere.json`, "{}");
        await Deno.remove(`${folder}/c.json`);
        await Deno.symlink(`${parent}/elsewhere.json`, `${folder}/c.json`);
      },
    ];
    for (const spoil of spoils) {
      await spoil();
      assertEquals(await layOut(parent, files), folder);
      assertEquals((await Deno.lstat(folder)).mode! & 0o777, 0o700);
      assertEquals((await Deno.lstat(`${folder}/a`)).mode! & 0o777, 0o700);
      for (const file of ["a/b.ts", "c.json"]) {
        assertEquals((await Deno.lstat(`${folder}/${file}`)).mode! & 0o777, 0o600);
      }
    }
    await Deno.remove(parent, { recursive: true });
  },
);

Deno.test("layOut() removes layouts that were unused for a week", async () => {
  const parent = await Deno.makeTempDir();
  const old = await layOut(parent, { "a.ts": "old" });
  const weekAndHourAgo = new Date(Date.now() - (7 * 24 + 1) * 60 * 60 * 1_000);
  await Deno.utime(old, weekAndHourAgo, weekAndHourAgo);
  const folder = await layOut(parent, { "a.ts": "new" });
  const names = await Array.fromAsync(Deno.readDir(parent), ({ name }) => `${parent}/${name}`);
  assertEquals(names, [folder]);
  await Deno.remove(parent, { recursive: true });
});

Deno.test("packageFiles() resolves bare imports to jsr: specifiers, like deno publish", async () => {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${root}/deno.json`,
    JSON.stringify({
      name: "@scope/name",
      version: "1.2.3",
      exports: { ".": "./mod.ts" },
      imports: { "@std/yaml": "jsr:@std/yaml@^1.0.8" },
      publish: { include: ["mod.ts", "src", "MISSING.md"] },
    }),
  );
  await Deno.mkdir(`${root}/src/deep`, { recursive: true });
  await Deno.writeTextFile(`${root}/mod.ts`, `export { parse } from "@std/yaml/parse";\nimport "./src/deep/a.ts";\n`);
  await Deno.writeTextFile(`${root}/src/deep/a.ts`, `await import("@std/yaml");\nexport const name = "@std/yaml";\n`);
  await Deno.writeTextFile(`${root}/secret.ts`, "");
  const files = await packageFiles(new URL(`file://${root}/`));
  assertEquals(
    files["@scope/name/1.2.3/mod.ts"],
    `export { parse } from "jsr:@std/yaml@^1.0.8/parse";\nimport "./src/deep/a.ts";\n`,
  );
  assertEquals(
    files["@scope/name/1.2.3/src/deep/a.ts"],
    `await import("jsr:@std/yaml@^1.0.8");\nexport const name = "@std/yaml";\n`,
  );
  assertEquals(Object.keys(files).filter((path) => path.includes("secret")), []);
  assertEquals(JSON.parse(files["@scope/name/1.2.3_meta.json"]!).exports, { ".": "./mod.ts" });
  await Deno.remove(root, { recursive: true });
});

Deno.test("jsr:@zeek/conductor runs with the documented command, in an unrelated folder", async () => {
  await using primary = startBackend(() => new Response("from the primary"));
  await using secondary = startBackend();
  await using web = startBackend(() => new Response("from the web service"));
  const folder = await Deno.makeTempDir();
  const env = {
    JSR_URL: (await jsrUrl(["--local"], { XDG_CACHE_HOME: folder })).trim(),
    NO_COLOR: "1",
  };
  const run = (...args: string[]) => startChild(Deno.execPath(), { args: ["run", ...args], cwd: folder, env });
  const conductor = (...args: string[]) => run("-A", "jsr:@zeek/conductor", ...args);

  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  {
    await using child = conductor("--version");
    await child.waitFor(new RegExp(`\\b${RegExp.escape(version)}\\b`));
  }

  const config = await Deno.readTextFile(new URL("examples/config.yaml", ROOT));
  await Deno.writeTextFile(
    `${folder}/config.yaml`,
    `${config}\nadmin: { port: 0 }\n`
      .replace("http://localhost:8081", primary.url)
      .replace("http://localhost:8082", secondary.url)
      .replace("http://localhost:8083", web.url),
  );
  {
    await using server = conductor("--config", "config.yaml", "--host", "127.0.0.1", "--port", "0");
    const [, url, admin] = await server.waitFor(/"url":"([^"]+)","admin":"([^"]+)"/);
    const get = async (path: string, base = url) => await (await fetch(new URL(path, base))).text();
    assertMatch(await get("/", admin), /<script type="module" src="assets\/main.js">/);
    assertMatch(await get("/assets/main.js", admin), /^import /m);
    assertEquals(await get("/api/users"), "from the primary");
    assertEquals(await get("/web"), "from the web service");
    await secondary.received(1);
    assertEquals(secondary.seen[0]?.target, "/api/users");
  }
  if (Deno.build.os === "linux") {
    const args = ["jsr:@zeek/conductor", "--host", "127.0.0.1", "--port", "0", "--workers", "2"];
    await using refused = run("--allow-net", "--allow-read", ...args);
    await refused.waitFor(
      /error: Cannot start 2 workers: sharing a port needs --unstable-net; run again with that flag\n/,
    );
    await using server = run("--allow-net", "--allow-read", "--unstable-net", ...args);
    const [, url] = await server.waitFor(/"url":"([^"]+)","admin":"[^"]+","workers":2/);
    assertEquals(await (await fetch(new URL("/web", url))).text(), "from the web service");
  }
  await Deno.remove(folder, { recursive: true });
});
