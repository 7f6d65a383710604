import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { loadValidConfig } from "../../src/cli/load_config.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { costRatio } from "../_support/cost.ts";

async function messageOf(path: string): Promise<string> {
  const { message, problems } = await assertRejects(() => loadValidConfig(path), ConfigError);
  assertEquals([problems.length, problems[0]!.path], [1, ""]);
  return message;
}

/** Creates a folder with files, and removes it after the test. */
async function tempFolder(files: Record<string, string | Uint8Array>): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeFile(`${path}/${name}`, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("loadValidConfig() runs go-conductor's sample unchanged", async () => {
  const { config, warnings } = await loadValidConfig("examples/config.yaml");
  assertEquals(warnings, []);
  assertEquals([config.port, config.timeoutMs], [8080, 10_000]);
  assertEquals(
    config.routes.map((
      { kind, path, members },
    ) => [kind, path, ...members.map(({ service, role }) => `${service.name} ${role}`)]),
    [
      ["pathPrefix", "/api", "api-service-primary primary", "api-service-secondary secondary"],
      ["pathPrefix", "/web", "web-service primary"],
    ],
  );
  assertEquals(config.services[0]!.headers, [["X-Proxy-Service", "api-service-primary"]]);
});

Deno.test("loadValidConfig() resolves placeholders from the folder of the file", async () => {
  await using folder = await tempFolder({
    "config.yaml": "services: [{ name: a, url: http://x, headers: { A: '${file:token}', B: '${file:./token}' } }]",
    "token": "s3cret\n",
  });
  const { config } = await loadValidConfig(`${folder.path}/config.yaml`);
  assertEquals(config.services[0]!.headers, [["A", "s3cret"], ["B", "s3cret"]]);
  const absolute = `services: [{ name: a, url: http://x, headers: { A: "\${file:${folder.path}/token}" } }]`;
  await Deno.writeTextFile(`${folder.path}/other.yaml`, absolute);
  assertEquals((await loadValidConfig(`${folder.path}/other.yaml`)).config.services[0]!.headers, [["A", "s3cret"]]);
});

Deno.test(
  "loadValidConfig() rejects a placeholder's file that never ends",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using folder = await tempFolder({
      "config.yaml": "services: [{ name: a, url: http://x, headers: { A: '${file:/dev/zero}' } }]",
    });
    const { message } = await assertRejects(() => loadValidConfig(`${folder.path}/config.yaml`), ConfigError);
    assertEquals(message, 'services[0].headers.A: needs the file "/dev/zero": it is not a regular file (line 1)');
  },
);

Deno.test("loadValidConfig() gives the reason in one sentence if a file cannot be read", async () => {
  await using folder = await tempFolder({
    "latin1.yaml": Uint8Array.of(0x61, 0x3a, 0x20, 0xe9),
    "utf16.yaml": Uint8Array.of(0xff, 0xfe, 0x61, 0x00),
    "large.yaml": "# ".repeat(25_000_000),
  });
  const at = (name: string) => `${folder.path}/${name}`;
  const cannot = (name: string) => `the configuration file "${at(name)}" cannot be read: `;
  assertEquals(
    await messageOf(at("nope.yaml")),
    `${cannot("nope.yaml")}no such file`,
  );
  assertEquals(await messageOf(at("latin1.yaml")), `${cannot("latin1.yaml")}it is not UTF-8 text`);
  assertEquals(await messageOf(at("utf16.yaml")), `${cannot("utf16.yaml")}it is not UTF-8 text`);
  assertEquals(await messageOf(at("large.yaml")), `${cannot("large.yaml")}it is too large`);
  if (Deno.build.os === "windows") return;
  assertEquals(
    await messageOf(folder.path),
    `the configuration file "${folder.path}" cannot be read: it is a directory`,
  );
  assertEquals(
    await messageOf("/dev/zero"),
    'the configuration file "/dev/zero" cannot be read: it is not a regular file',
  );
});

Deno.test("loadValidConfig() stops reading a file at the maximum length", async () => {
  const tooMuch = "# ".repeat(1_100_000);
  await using folder = await tempFolder({ "large.yaml": tooMuch, "huge.yaml": tooMuch.repeat(40) });
  const refuse = (name: string) => () => messageOf(`${folder.path}/${name}`);
  assertLess(await costRatio(refuse("huge.yaml"), refuse("large.yaml")), 8);
});

Deno.test("loadValidConfig() names missing flags of Deno", async () => {
  await using folder = await tempFolder({
    "config.yaml": "services: [{ name: '${env:CONDUCTOR_TEST_NAME}', url: http://x }]",
  });
  const module = new URL("../../src/cli/load_config.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${folder.path}/load.ts`,
    `import { loadValidConfig } from "${module}";
    await loadValidConfig("${folder.path}/config.yaml").catch(({ message }) => console.log(message));`,
  );
  const run = async (...flags: string[]) => {
    const args = ["run", "--quiet", "--no-prompt", "--config", "deno.json", ...flags, `${folder.path}/load.ts`];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
    return new TextDecoder().decode(stdout);
  };
  assertStringIncludes(await run(), "cannot be read: Deno needs the flag --allow-read for it");
  assertStringIncludes(
    await run("--allow-read"),
    'services[0].name: needs the environment variable "CONDUCTOR_TEST_NAME": Deno needs the flag --allow-env=CONDUCTOR_TEST_NAME for it',
  );
});

Deno.test("loadValidConfig() reports a denied permission", {
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
}, async () => {
  await using folder = await tempFolder({ "config.yaml": "" });
  await Deno.chmod(`${folder.path}/config.yaml`, 0o000);
  assertStringIncludes(await messageOf(`${folder.path}/config.yaml`), "permission denied");
});
