/** Paths of special files: a named pipe must not block the start, a reload, or the end of the process. */

import { assertEquals, assertLess, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { loadValidConfig } from "../../src/cli/load_config.ts";
import { readTextFile } from "../../src/server/read_text_file.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { HAS_PROC } from "../_support/attack.ts";
import { type CliProcess, runCli, startCli } from "../_support/cli_process.ts";
import { startBackend } from "../_support/servers.ts";

const ignore = Deno.build.os === "windows";
/** Maximum duration of a step that a named pipe could block, in milliseconds. */
const MAX_MS = 4_000;

interface Folder extends AsyncDisposable {
  readonly path: string;
  readonly config: string;
}

/** A configuration and a file with a secret. */
async function makeFolder(url: string): Promise<Folder> {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/token`, "one");
  await Deno.writeTextFile(
    `${path}/config.yaml`,
    `services: [{ name: a, url: "${url}", headers: { x-token: "\${file:token}" } }]`,
  );
  return {
    path,
    config: `${path}/config.yaml`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function makePipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assertEquals(success, true);
}

/** Replaces a file by a named pipe, in one step. */
async function replaceByPipe(path: string): Promise<void> {
  await makePipe(`${path}.pipe`);
  await Deno.rename(`${path}.pipe`, path);
}

async function startServing(folder: Folder): Promise<{ child: CliProcess; url: string }> {
  const child = startCli(["--config", folder.config, "--port", "0", "--host", "127.0.0.1", "--watch"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  return { child, url };
}

async function assertServes(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(MAX_MS) });
  assertEquals(await response.text(), "ok");
}

/** Ends a server like a supervisor. A server that hangs is killed, and the test fails. */
async function assertEnds(child: CliProcess): Promise<void> {
  child.kill("SIGTERM");
  const startMs = performance.now();
  const timer = setTimeout(() => child.kill("SIGKILL"), MAX_MS);
  assertEquals(await child.exited, 0);
  clearTimeout(timer);
  assertLess(performance.now() - startMs, MAX_MS);
}

Deno.test("--watch still works with a named pipe in the folder, and the process still ends", { ignore }, async () => {
  await using backend = startBackend();
  await using folder = await makeFolder(backend.url);
  const { child, url } = await startServing(folder);
  await using _ = child;
  await makePipe(`${folder.path}/pipe`);
  await Deno.writeTextFile(`${folder.path}/token`, "two, longer");
  await child.stdout.seen(/configuration reloaded/);
  child.kill("SIGHUP");
  await child.stdout.seen(/configuration reloaded[^]*configuration reloaded/);
  await assertServes(url);
  assertEquals(backend.seen.at(-1)?.headers.get("x-token"), "two, longer");
  await assertEnds(child);
});

for (const [name, reason] of [["token", "needs the file"], ["config.yaml", "cannot be read"]] as const) {
  Deno.test(`a named pipe instead of ${name} fails the reload, and nothing else`, { ignore }, async () => {
    await using backend = startBackend();
    await using folder = await makeFolder(backend.url);
    const { child, url } = await startServing(folder);
    await using _ = child;
    await replaceByPipe(`${folder.path}/${name}`);
    const [line] = await child.stdout.seen(/.*not reloaded.*/);
    assertStringIncludes(line, reason);
    assertStringIncludes(line, "it is not a regular file");
    await assertServes(url);
    await assertEnds(child);
  });
}

/** Special files instead of a regular file, and the error messages. */
const ODD_FILES: readonly (readonly [name: string, reason: string, make: (path: string) => Promise<unknown>])[] = [
  ["a named pipe", "it is not a regular file", makePipe],
  ["a link to a named pipe", "it is not a regular file", async (path) => {
    await makePipe(`${path}.pipe`);
    await Deno.symlink(`${path}.pipe`, path);
  }],
  ["a folder", "it is a directory", (path) => Deno.mkdir(path)],
  ["a socket", "it is not a regular file", listenAndKeep],
  ["an endless device", "it is not a regular file", (path) => Deno.symlink("/dev/urandom", path)],
  ["a link to itself", "too many levels of symbolic links", (path) => Deno.symlink(path, path)],
  ["a link to nothing", "no such file", (path) => Deno.symlink(`${path}.none`, path)],
  ["a file of 2 GiB", "it is too large", async (path) => {
    await Deno.writeTextFile(path, "");
    await Deno.truncate(path, 2 ** 31);
  }],
];

/** The file of a socket remains after its listener is closed. */
async function listenAndKeep(path: string): Promise<void> {
  const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} }); Deno.exit();`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
}

for (const [name, reason, make] of ODD_FILES) {
  Deno.test(`a start with ${name} instead of a file ends with a clear error`, { ignore }, async () => {
    await using folder = await makeFolder("http://localhost:1");
    for (const file of ["token", "config.yaml"]) {
      await Deno.remove(`${folder.path}/${file}`);
      await make(`${folder.path}/${file}`);
      const startMs = performance.now();
      const { code, stderr } = await runCli(["--config", folder.config], { permissions: ["--allow-read"] });
      assertEquals(code, 1);
      assertStringIncludes(stderr, reason);
      assertLess(performance.now() - startMs, MAX_MS);
      await Deno.remove(`${folder.path}/${file}`);
      if (file === "token") await Deno.writeTextFile(`${folder.path}/token`, "one");
    }
  });
}

Deno.test("report rejects a named pipe as its token file", { ignore }, async () => {
  await using folder = await makeFolder("http://localhost:1");
  await makePipe(`${folder.path}/pipe`);
  const { code, stderr } = await runCli([
    "report",
    "--admin",
    "http://localhost:1",
    "--token-file",
    `${folder.path}/pipe`,
  ]);
  assertEquals(code, 4);
  assertMatch(stderr, /Cannot read the token from ".*": it is not a regular file\n/);
});

Deno.test("readTextFile() fails if a file cannot be opened in time", { ignore }, async () => {
  // A pipe replaces the file between the check and the opening.
  await using folder = await makeFolder("http://localhost:1");
  const path = `${folder.path}/pipe`;
  await makePipe(path);
  const file = await Deno.stat(folder.config);
  const { stat } = Deno;
  using time = new FakeTime();
  try {
    Deno.stat = () => Promise.resolve(file);
    const reading = assertRejects(() => readTextFile(path, 100));
    await time.tickAsync(5_000);
    assertEquals((await reading as Error).name, "TimeoutError");
  } finally {
    Deno.stat = stat;
    // A writer unblocks the thread, which then finds that the path is not a regular file.
    await Deno.writeTextFile(path, "late");
  }
});

Deno.test("readTextFile() enforces its limit on a file without a size", { ignore: !HAS_PROC }, async () => {
  await assertRejects(() => readTextFile("/proc/self/status", 10), Error, "FileTooLarge");
});

Deno.test("loadValidConfig() fails within 10 s if many files are on a hanging mount, and opens no further file", async () => {
  await using folder = await makeFolder("http://localhost:1");
  const names = Array.from({ length: 100 }, (_, index) => `file-${index}`);
  const headers = names.map((name) => `${name}: "\${file:hanging/${name}}"`).join(", ");
  await Deno.writeTextFile(
    folder.config,
    `services: [{ name: a, url: "http://localhost:1", headers: { ${headers} } }]`,
  );
  const { stat } = Deno;
  const { setTimeout: setRealTimeout } = globalThis;
  using time = new FakeTime();
  let hanging = 0;
  let message: string | undefined;
  try {
    // A hanging mount cannot be made without privileges.
    Deno.stat = (path) => {
      if (!String(path).includes("/hanging/")) return stat(path);
      hanging++;
      return new Promise(() => {});
    };
    const loading = assertRejects(() => loadValidConfig(folder.config), ConfigError).then((error) =>
      message = error.message
    );
    let seconds = 0;
    for (; message === undefined && seconds < 60; seconds++) {
      await new Promise((resolve) => setRealTimeout(resolve, 20));
      await time.tickAsync(1_000);
    }
    assertLess(seconds, 15);
    await loading;
  } finally {
    Deno.stat = stat;
  }
  const reported = message!.matchAll(/needs the file "hanging\/(.*?)": reading it timed out/g);
  assertEquals([...reported].map(([, name]) => name), names);
  assertLess(hanging, 40);
});
