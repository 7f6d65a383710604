/** `--watch`: changes of all files that a configuration is read from, in the layouts of real deployments. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { canRun, hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startChild } from "../_support/child.ts";
import { cliCommandLine } from "../_support/cli_process.ts";
import { startBackend } from "../_support/servers.ts";
import { createTestIo, type TestIo } from "../_support/test_io.ts";

const isWindows = Deno.build.os === "windows";

async function tempFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A watching server in this process. */
interface Watching extends AsyncDisposable {
  readonly io: TestIo;
  readonly url: string;
  /** Resolves when the log has this many lines about reloads. */
  reloads(count: number): Promise<void>;
}

async function startWatching(config: string): Promise<Watching> {
  const io = createTestIo();
  const ended = runCommandLine(["-c", config, "--port", "0", "--host", "127.0.0.1", "--watch"], io);
  const [, url = ""] = await io.stdout.seen(/"url":"(.*?)"/);
  return {
    io,
    url,
    reloads: async (count) => {
      await io.stdout.seen(new RegExp(`(?:configuration (?:not )?reloaded[^]*){${count}}`));
    },
    async [Symbol.asyncDispose]() {
      io.signal("SIGTERM");
      assertEquals(await ended, 0);
    },
  };
}

async function text(url: string, client?: Deno.HttpClient): Promise<string> {
  return await (await fetch(url, client === undefined ? {} : { client })).text();
}

/** Switches a link as deployments do: a new one is renamed over it. */
async function switchLink(path: string, target: string): Promise<void> {
  await Deno.symlink(target, `${path}.new`);
  await Deno.rename(`${path}.new`, path);
}

Deno.test("--watch follows a link to a folder that deployments switch, with the secrets in it", {
  ignore: isWindows,
}, async () => {
  await using backend = startBackend(({ headers }) => new Response(headers.get("x-token")));
  await using folder = await tempFolder();
  for (const release of ["1", "2"]) {
    await Deno.mkdir(`${folder.path}/releases/${release}`, { recursive: true });
    await Deno.writeTextFile(`${folder.path}/releases/${release}/token`, release);
    await Deno.writeTextFile(
      `${folder.path}/releases/${release}/config.yaml`,
      `services: [{ name: a, url: "${backend.url}", headers: { x-token: "\${file:token}" } }]`,
    );
  }
  await Deno.symlink("releases/1", `${folder.path}/current`);
  await using watching = await startWatching(`${folder.path}/current/config.yaml`);
  assertEquals(await text(watching.url), "1");
  await switchLink(`${folder.path}/current`, "releases/2");
  await watching.reloads(1);
  assertEquals(await text(watching.url), "2");
});

Deno.test("--watch follows a linked secret in another folder, written in place and renamed over there", {
  ignore: isWindows,
}, async () => {
  await using backend = startBackend(({ headers }) => new Response(headers.get("x-token")));
  await using folder = await tempFolder();
  await using secrets = await tempFolder();
  await Deno.writeTextFile(`${secrets.path}/token`, "one");
  await Deno.symlink(`${secrets.path}/token`, `${folder.path}/token`);
  const config = `${folder.path}/config.yaml`;
  await Deno.writeTextFile(
    config,
    `services: [{ name: a, url: "${backend.url}", headers: { x-token: "\${file:token}" } }]`,
  );
  await using watching = await startWatching(config);
  await Deno.writeTextFile(`${secrets.path}/token`, "two");
  await watching.reloads(1);
  assertEquals(await text(watching.url), "two");
  await Deno.writeTextFile(`${secrets.path}/token.new`, "six");
  await Deno.rename(`${secrets.path}/token.new`, `${secrets.path}/token`);
  await watching.reloads(2);
  assertEquals(await text(watching.url), "six");
});

Deno.test("--watch reloads when a missing file appears, after a reload was refused for its absence", async () => {
  await using backend = startBackend(({ headers }) => new Response(headers.get("x-token")));
  await using folder = await tempFolder();
  const config = `${folder.path}/config.yaml`;
  const service = (more: string) => `services: [{ name: a, url: "${backend.url}"${more} }]`;
  await Deno.writeTextFile(config, service(""));
  await using watching = await startWatching(config);
  await Deno.writeTextFile(config, service(', headers: { x-token: "${file:secrets/token}" }'));
  await watching.reloads(1);
  assertStringIncludes(watching.io.stdout.text, "configuration not reloaded");
  await Deno.mkdir(`${folder.path}/secrets`);
  await Deno.writeTextFile(`${folder.path}/secrets/token`, "here");
  await watching.reloads(2);
  assertEquals(await text(watching.url), "here");
});

Deno.test("--watch reloads when the folder comes back after it has disappeared", async () => {
  await using backends = await tempFolder();
  await using first = startBackend(() => new Response("one"));
  await using second = startBackend(() => new Response("two"));
  const folder = `${backends.path}/folder`;
  const write = async (url: string) => {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/config.yaml`, `services: [{ name: a, url: "${url}" }]`);
  };
  await write(first.url);
  await using watching = await startWatching(`${folder}/config.yaml`);
  await Deno.remove(folder, { recursive: true });
  await watching.reloads(1);
  assertEquals(await text(watching.url), "one");
  await write(second.url);
  await watching.reloads(2);
  assertEquals(await text(watching.url), "two");
});

Deno.test("--watch follows the certificate files of the listener and of a service", {
  ignore: isWindows || !hasOpenssl,
}, async () => {
  await using first = await makeCertificate();
  await using second = await makeCertificate();
  let backend = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {}, ...pair(first) }, () => new Response("ok"));
  const { port } = backend.addr;
  await using folder = await tempFolder();
  for (const [name, { cert, key }] of Object.entries({ first, second })) {
    await Deno.mkdir(`${folder.path}/${name}`);
    await Deno.writeTextFile(`${folder.path}/${name}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder.path}/${name}/key.pem`, key);
  }
  // As certbot does: the names stay, and the links behind them change.
  await Deno.symlink("first", `${folder.path}/live`);
  await Deno.writeTextFile(`${folder.path}/ca.pem`, first.cert);
  const config = `${folder.path}/config.yaml`;
  await Deno.writeTextFile(
    config,
    `tls: { cert: "\${file:live/cert.pem}", key: "\${file:live/key.pem}" }
services: [{ name: a, url: "https://localhost:${port}", tls: { ca: "\${file:ca.pem}" } }]`,
  );
  await using watching = await startWatching(config);
  using trustsFirst = Deno.createHttpClient({ caCerts: [first.cert] });
  assertEquals(await text(watching.url, trustsFirst), "ok");

  await switchLink(`${folder.path}/live`, "second");
  await watching.reloads(1);
  using trustsSecond = Deno.createHttpClient({ caCerts: [second.cert] });
  assertEquals(await text(watching.url, trustsSecond), "ok");

  await backend.shutdown();
  backend = Deno.serve({ port, hostname: "127.0.0.1", onListen() {}, ...pair(second) }, () => new Response("new"));
  await Deno.writeTextFile(`${folder.path}/ca.pem`, second.cert);
  await watching.reloads(2);
  assertEquals(await text(watching.url, trustsSecond), "new");
  await backend.shutdown();
});

/** Layouts in which a relative path would lead to the old folder forever. */
const RELATIVE: Readonly<Record<string, string>> = {
  "the link to it is switched": "ln -s two next && mv -T next folder",
  "it disappears and comes back": "rm folder && mv two folder",
  "a folder is removed and created again": "rm -r one && mv two one",
};

for (const [name, change] of Object.entries(RELATIVE)) {
  Deno.test(`--watch follows a relative path from the working folder when ${name}`, {
    ignore: isWindows || !canRun("mv", ["--version"]),
  }, async () => {
    await using first = startBackend(() => new Response("one"));
    await using second = startBackend(() => new Response("two"));
    await using root = await tempFolder();
    for (const [folder, { url }] of Object.entries({ one: first, two: second })) {
      await Deno.mkdir(`${root.path}/${folder}`);
      await Deno.writeTextFile(`${root.path}/${folder}/config.yaml`, `services: [{ name: a, url: "${url}" }]`);
    }
    await Deno.symlink("one", `${root.path}/folder`);
    const args = ["--config", "config.yaml", "--port", "0", "--host", "127.0.0.1", "--watch", "--log-format", "json"];
    const command = cliCommandLine(args).replace("--allow-read", "--allow-read --allow-env=PWD");
    await using child = startChild("sh", { args: ["-c", `cd "${root.path}/folder" && exec ${command}`] });
    const [, url = ""] = await child.waitFor(/"url":"(.*?)"/);
    assertEquals(await text(url), "one");
    await new Deno.Command("sh", { args: ["-c", `cd "${root.path}" && ${change}`] }).output();
    await child.waitFor(/configuration reloaded/);
    assertEquals(await text(url), "two");
  });
}

Deno.test(
  "--watch follows a mounted file that is written in place, and warns when it is replaced outside of the mount",
  {
    // Bind mounts need root, or user namespaces.
    ignore: isWindows || !canRun("unshare", ["--mount", "--map-root-user", "true"]),
  },
  async () => {
    await using first = startBackend(() => new Response("one"));
    await using second = startBackend(() => new Response("two"));
    await using root = await tempFolder();
    const [source, mounted] = [`${root.path}/source`, `${root.path}/mounted`];
    await Deno.writeTextFile(source, `services: [{ name: a, url: "${first.url}" }]`);
    await Deno.writeTextFile(mounted, "");
    const command = cliCommandLine([
      "-c",
      mounted,
      "--port",
      "0",
      "--host",
      "127.0.0.1",
      "--watch",
      "--log-format",
      "json",
    ]);
    await using child = startChild("unshare", {
      args: ["--mount", "--map-root-user", "sh", "-c", `mount --bind "${source}" "${mounted}" && exec ${command}`],
    });
    const [, url = ""] = await child.waitFor(/"url":"(.*?)"/);
    assertEquals(await text(url), "one");
    await Deno.writeTextFile(source, `services: [{ name: a, url: "${second.url}" }]`);
    await child.waitFor(/configuration reloaded/);
    assertEquals(await text(url), "two");
    await Deno.copyFile(source, `${source}.new`);
    await Deno.rename(`${source}.new`, source);
    await child.waitFor(/configuration file cannot be watched.*mount its folder/);
  },
);

function pair({ cert, key }: { cert: string; key: string }): { cert: string; key: string } {
  return { cert, key };
}
