import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";

import { runCommandLine } from "../../src/cli/main.ts";
import { canRun, hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startChild } from "../_support/child.ts";
import { cliCommandLine, startCli } from "../_support/cli_process.ts";
import { type Backend, readUntil, startBackend, startSlowBackend, untilRefused } from "../_support/servers.ts";
import { createTestIo, type TestIo } from "../_support/test_io.ts";
import { freePort } from "../_support/ports.ts";

const isWindows = Deno.build.os === "windows";

/** A configuration and its secrets in a temporary folder. */
interface Folder extends AsyncDisposable {
  readonly config: string;
  write(name: string, text: string): Promise<void>;
  /** Replaces a file by a rename, like editors and deployments. */
  replace(name: string, text: string): Promise<void>;
}

async function makeFolder(configText: string): Promise<Folder> {
  const path = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(`${path}/${name}`, text);
  await write("config.yaml", configText);
  return {
    config: `${path}/config.yaml`,
    write,
    async replace(name, text) {
      await write(`${name}.new`, text);
      await Deno.rename(`${path}/${name}.new`, `${path}/${name}`);
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** A server in this process. */
interface Served extends AsyncDisposable {
  readonly io: TestIo;
  readonly url: string;
  /** Requests a reload, and waits until the log contains this many. */
  reload(count?: number): Promise<void>;
}

async function serve(folder: Folder, flags = ["--port", "0"]): Promise<Served> {
  const io = createTestIo();
  const ended = runCommandLine(["--config", folder.config, "--host", "127.0.0.1", ...flags], io);
  const [, url = ""] = await io.stdout.seen(/"url":"(.*?)"/);
  return {
    io,
    url,
    async reload(count = 1) {
      io.reload();
      await io.stdout.seen(new RegExp(`(?:configuration (?:not )?reloaded[^]*){${count}}`));
    },
    async [Symbol.asyncDispose]() {
      io.signal("SIGTERM");
      assertEquals(await ended, 0);
    },
  };
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

function toService(url: string, more = ""): string {
  return `services: [{ name: a, url: "${url}"${more} }]\n`;
}

Deno.test("a reload takes effect in one step: requests in flight end on the old configuration", async () => {
  await using old = startSlowBackend();
  await using fresh = startBackend(() => new Response("fresh"));
  await using folder = await makeFolder(toService(old.url));
  await using served = await serve(folder);
  const inFlight = text(`${served.url}/`);
  await old.received(1);

  await folder.write("config.yaml", toService(fresh.url));
  await served.reload();
  assertEquals(await text(`${served.url}/`), "fresh");
  old.release();
  assertEquals(await inFlight, "finished");
});

Deno.test("a shutdown after a reload waits for requests of the old configuration, shadow requests included", async () => {
  await using slow = startSlowBackend();
  await using shadow = startSlowBackend();
  await using quick = startBackend();
  const folderText = `services: [{ name: a, url: "${slow.url}" }, { name: b, url: "${shadow.url}", shadow: true }]\n`;
  await using folder = await makeFolder(folderText);
  const io = createTestIo();
  const ended = runCommandLine(["-c", folder.config, "--port", "0", "--host", "127.0.0.1", "--verbose"], io);
  const [, url] = await io.stdout.seen(/"url":"(.*?)"/);
  const inFlight = text(`${url}/`);
  await Promise.all([slow.received(1), shadow.received(1)]);
  await folder.write("config.yaml", toService(quick.url));
  io.reload();
  await io.stdout.seen(/configuration reloaded/);

  io.signal("SIGTERM");
  await io.stdout.seen(/"message":"stopping/);
  slow.release();
  assertEquals(await inFlight, "finished");
  await io.stdout.seen(/"message":"request completed"/);
  assertEquals(io.stdout.text.includes('"message":"stopped"'), false);
  shadow.release();
  assertEquals(await ended, 0);
  assertStringIncludes(io.stdout.text, '"service":"b","role":"shadow","success":true');
});

Deno.test("a reload of an invalid file changes nothing, and logs the problems", async () => {
  await using backend = startBackend(() => new Response("still here"));
  await using folder = await makeFolder(toService(backend.url));
  await using served = await serve(folder);
  /** A log line that every invalid file must cause. */
  const broken: [text: string, line: string][] = [
    [toService(backend.url, ", pathPrefx: /"), "services[0].pathPrefx: unknown key; did you mean"],
    ["services: [", "YAML"],
    [toService(backend.url, ', headers: { a: "${file:gone}" }'), "no such file"],
    ["", "found nothing"],
  ];
  for (const [index, [text_, line]] of broken.entries()) {
    await folder.write("config.yaml", text_);
    await served.reload(index + 1);
    const lines = served.io.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const { level, message, problems } = lines.findLast(({ message }) => message.startsWith("configuration"));
    assertEquals([level, message], ["error", "configuration not reloaded, the previous one stays in force"]);
    assertStringIncludes(problems.join("\n"), line);
    assertEquals(await text(`${served.url}/`), "still here");
  }
  await folder.write("config.yaml", toService(backend.url));
  await served.reload(broken.length + 1);
  await served.io.stdout.seen(/"configuration reloaded"/);
});

Deno.test("a reload reads secrets again, keeps the name in Via, and follows a new log level", async () => {
  await using backend = startBackend();
  const configText = toService(backend.url, ', headers: { Authorization: "Bearer ${file:token}" }');
  await using folder = await makeFolder(configText);
  await folder.write("token", "one\n");
  await using served = await serve(folder);
  await text(served.url);
  await folder.write("token", "two\n");
  await folder.write("config.yaml", `logging: { level: debug }\n${configText}`);
  await served.reload();
  await text(served.url);

  const [before, after] = backend.seen.map(({ headers }) => headers);
  assertEquals(before!.get("authorization"), "Bearer one");
  assertEquals(after!.get("authorization"), "Bearer two");
  assertEquals(before!.get("via"), after!.get("via"));
  assertEquals(served.io.stdout.text.split('"attempt succeeded"').length, 2);
});

Deno.test("a reload moves to a new port, and completes requests in flight on the old one", async () => {
  await using old = startSlowBackend();
  await using folder = await makeFolder(`port: ${freePort()}\n${toService(old.url)}`);
  const io = createTestIo();
  const ended = runCommandLine(["-c", folder.config, "--host", "127.0.0.1"], io);
  const [, before = ""] = await io.stdout.seen(/"url":"(.*?)"/);
  const inFlight = text(before);
  await old.received(1);

  await folder.write("config.yaml", `port: ${freePort()}\n${toService(old.url)}`);
  io.reload();
  const [, after = ""] = await io.stdout.seen(/"url":"[^]*"url":"(.*?)"/);
  assertNotEquals(after, before);
  old.release();
  assertEquals(await inFlight, "finished");
  assertEquals(await text(after), "finished");
  await untilRefused(before);
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
});

Deno.test("a reload to a port in use changes nothing", async () => {
  await using backends = twoBackends();
  await using folder = await makeFolder(`port: ${freePort()}\n${toService(backends[0].url)}`);
  await using served = await serve(folder, []);
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await folder.write("config.yaml", `port: ${other.addr.port}\n${toService(backends[1].url)}`);
  await served.reload();
  assertStringIncludes(served.io.stdout.text, "address already in use by another program");
  assertEquals(await text(served.url), "one");
});

Deno.test("a reload keeps the values of command-line flags", async () => {
  await using backend = startBackend();
  await using folder = await makeFolder(toService(backend.url));
  await using served = await serve(folder, ["--port", "0"]);
  await folder.write("config.yaml", `port: 1\nhostname: "::1"\n${toService(backend.url)}`);
  await served.reload();
  assertEquals(await text(served.url), "ok");
});

Deno.test({
  name: "a reload uses a new certificate on the same port, and keeps the old one if the new one is invalid",
  ignore: !hasOpenssl,
  fn: async () => {
    await using first = await makeCertificate();
    await using second = await makeCertificate();
    await using backend = startBackend();
    const configText = `tls: { cert: "\${file:cert.pem}", key: "\${file:key.pem}" }\n${toService(backend.url)}`;
    await using folder = await makeFolder(configText);
    await folder.write("cert.pem", first.cert);
    await folder.write("key.pem", first.key);
    await using served = await serve(folder);
    assertEquals(await trusted(served.url, first.cert), true);

    await folder.write("cert.pem", second.cert);
    await served.reload();
    assertStringIncludes(served.io.stdout.text, "tls.key: is not the private key of");
    assertEquals(await trusted(served.url, first.cert), true);

    await folder.write("key.pem", second.key);
    await served.reload(2);
    assertEquals(await trusted(served.url, first.cert), false);
    assertEquals(await trusted(served.url, second.cert), true);
  },
});

/** An upload in flight, half of which has been sent. */
interface Upload extends Disposable {
  finish(): Promise<string>;
  /** Returns the response up to a text in it. */
  response(end: string): Promise<string>;
}

async function startUpload(url: string, cert?: string): Promise<Upload> {
  const port = Number(new URL(url).port);
  const connection = cert === undefined
    ? await Deno.connect({ hostname: "127.0.0.1", port })
    : await Deno.connectTls({ hostname: "localhost", port, caCerts: [cert], alpnProtocols: ["http/1.1"] });
  const write = (text: string) => connection.write(new TextEncoder().encode(text));
  await write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n0123456789");
  const response = (end: string) => readUntil(connection, end);
  return {
    finish: async () => {
      await write("0123456789");
      return await response("\r\n\r\n20");
    },
    response,
    [Symbol.dispose]: () => connection.close(),
  };
}

/** Waits until requests that were sent before have been received. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Changes that replace the listener. */
const REPLACEMENTS: readonly [name: string, before: () => string, after: () => string][] = [
  ["port", () => `port: ${freePort()}\n`, () => `port: ${freePort()}\n`],
  ["hostname", () => `port: ${freePort()}\nhostname: 127.0.0.1\n`, () => "hostname: 0.0.0.0\n"],
];

for (const [name, before, after] of REPLACEMENTS) {
  Deno.test(`a changed ${name} lets an upload in flight finish`, async () => {
    await using backend = startBackend((_, body) => new Response(String(body.length)));
    const first = before();
    const port = /port: .*\n/.exec(first)![0];
    await using folder = await makeFolder(first + toService(backend.url));
    const io = createTestIo();
    const ended = runCommandLine(["-c", folder.config], io);
    const [, url = ""] = await io.stdout.seen(/"url":"(.*?)"/);
    using upload = await startUpload(url);
    await settle();

    const second = after();
    await folder.write("config.yaml", (second.includes("port") ? second : port + second) + toService(backend.url));
    io.reload();
    await settle();
    const response = await upload.finish();
    assertMatch(response, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n20$/);
    assertMatch(response, /^connection: close\r$/im);
    await io.stdout.seen(/configuration reloaded/);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });
}

/** A server over TLS whose certificate is about to change. */
async function serveTls(backend: Backend, extra = "") {
  const first = await makeCertificate();
  const second = await makeCertificate();
  const tls = `tls: { cert: "\${file:cert.pem}", key: "\${file:key.pem}" }\n`;
  const folder = await makeFolder(extra + tls + toService(backend.url));
  await folder.write("cert.pem", first.cert);
  await folder.write("key.pem", first.key);
  const served = await serve(folder);
  return {
    ...served,
    cert: first.cert,
    changeCertificate: async () => {
      await folder.write("cert.pem", second.cert);
      await folder.write("key.pem", second.key);
      served.io.reload();
    },
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      for (const disposable of [folder, first, second]) await disposable[Symbol.asyncDispose]();
    },
  };
}

Deno.test({
  name: "a changed certificate lets an upload in flight finish",
  ignore: !hasOpenssl,
  fn: async () => {
    await using backend = startBackend((_, body) => new Response(String(body.length)));
    await using served = await serveTls(backend);
    using upload = await startUpload(served.url, served.cert);
    await settle();
    await served.changeCertificate();
    await settle();
    assertMatch(await upload.finish(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n20$/);
    await served.io.stdout.seen(/configuration reloaded/);
  },
});

Deno.test({
  name: "a changed certificate waits for uploads no longer than shutdownTimeout, and does not blame the client",
  ignore: !hasOpenssl,
  fn: async () => {
    await using backend = startBackend();
    await using served = await serveTls(backend, "shutdownTimeout: 0.5\n");
    using upload = await startUpload(served.url, served.cert);
    await settle();
    await served.changeCertificate();
    const response = await upload.response("was complete");
    assertMatch(response, /^HTTP\/1\.1 503 /);
    assertStringIncludes(response, "The server closed its listener before the request body");
    await served.io.stdout.seen(/configuration reloaded/);
    assertEquals(backend.seen.length, 0);
  },
});

Deno.test({
  name: "a shutdown while a reload waits for an upload lets the upload finish",
  ignore: !hasOpenssl,
  fn: async () => {
    await using backend = startBackend((_, body) => new Response(String(body.length)));
    const served = await serveTls(backend);
    using upload = await startUpload(served.url, served.cert);
    await settle();
    await served.changeCertificate();
    await settle();
    const ended = served[Symbol.asyncDispose]();
    await served.io.stdout.seen(/no new requests/);
    await settle();
    assertMatch(await upload.finish(), /^HTTP\/1\.1 200 OK\r\n/);
    await ended;
    assertStringIncludes(served.io.stdout.text, '"message":"stopped"');
  },
});

Deno.test("--watch reloads when the file is replaced, and when a file that it refers to is written", async () => {
  await using backend = startBackend();
  const configText = toService(backend.url, ', headers: { x-token: "${file:token}" }');
  await using folder = await makeFolder(configText);
  await folder.write("token", "one");
  const permissions = ["--allow-net", "--allow-read"];
  const args = ["--config", folder.config, "--port", "0", "--host", "127.0.0.1", "--watch"];
  await using child = startCli(args, { permissions });
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);

  await folder.write("token", "two");
  await child.stdout.seen(/configuration reloaded/);
  await text(url);
  await folder.replace("config.yaml", "services: nonsense");
  await child.stdout.seen(/configuration not reloaded/);
  await text(url);
  await folder.replace("config.yaml", configText.replace("x-token", "x-other"));
  await child.stdout.seen(/configuration reloaded[^]*configuration reloaded/);
  await text(url);
  const received = backend.seen.map(({ headers }) => [headers.get("x-token"), headers.get("x-other")]);
  assertEquals(received, [["two", null], ["two", null], [null, "two"]]);
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  assertEquals(child.stderr.text, "");
});

Deno.test({
  name: "the process reloads on SIGHUP",
  ignore: isWindows,
  fn: async () => {
    await using backends = twoBackends();
    await using folder = await makeFolder(toService(backends[0].url));
    await using child = startCli(["--config", folder.config, "--port", "0", "--host", "127.0.0.1"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    assertEquals(await text(url), "one");
    await folder.replace("config.yaml", toService(backends[1].url));
    child.kill("SIGHUP");
    await child.stdout.seen(/configuration reloaded/);
    assertEquals(await text(url), "two");
    child.kill("SIGTERM");
    assertEquals(await child.exited, 0);
  },
});

Deno.test({
  name: "the process ends when its terminal is closed",
  ignore: !canRun("script", ["--version"]),
  fn: async () => {
    await using backend = startBackend();
    await using folder = await makeFolder(toService(backend.url));
    const args = ["--config", folder.config, "--port", "0", "--host", "127.0.0.1", "--log-format", "json"];
    await using terminal = startChild("script", {
      args: ["--quiet", "--command", cliCommandLine(args), "/dev/null"],
      env: { NO_COLOR: "1" },
    });
    const [, url = ""] = await terminal.waitFor(/"url":"(.*?)"/);
    await text(url);
    terminal.kill("SIGKILL");
    await untilRefused(url);
  },
});

async function trusted(url: string, cert: string): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [cert] });
  try {
    await (await fetch(url, { client })).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Starts two backends that respond with `one` and `two`. */
function twoBackends(): [Backend, Backend] & AsyncDisposable {
  const backends: [Backend, Backend] = [
    startBackend(() => new Response("one")),
    startBackend(() => new Response("two")),
  ];
  return Object.assign(backends, {
    [Symbol.asyncDispose]: async () => {
      for (const backend of backends) await backend[Symbol.asyncDispose]();
    },
  });
}
