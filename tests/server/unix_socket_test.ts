/** Unix sockets: services, the listener of clients, and the admin listener, as users run them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { runCli, startCli } from "../_support/cli_process.ts";

const ALL = ["--allow-net", "--allow-read", "--allow-write"];
const isUnix = Deno.build.os !== "windows";

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function makeFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts a service on a socket, which responds with the request's path and some of its fields. */
function startSocketBackend(path: string): AsyncDisposable {
  const server = Deno.serve({ path, onListen() {} }, ({ url, headers }) => {
    const { pathname, search } = new URL(url.replace(/^http\+unix:/, "http:"));
    const fields = ["host", "x-forwarded-for", "x-forwarded-proto"].map((name) => headers.get(name) ?? "-");
    return new Response([pathname + search, ...fields].join(" "));
  });
  return { [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Sends a request to a socket. */
async function get(path: string, target: string, headers: Record<string, string> = {}): Promise<string> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path }, allowHost: true, poolMaxIdlePerHost: 0 });
  const response = await fetch(`http://localhost${target}`, { client, headers });
  return `${response.status} ${await response.text()}`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Resolves when a file is removed. An old listener is closed in the background. */
async function isGone(path: string): Promise<void> {
  while (await exists(path)) await delay(10);
}

for (const listener of ["deno", "node"]) {
  Deno.test({
    name: `conductor listens on Unix sockets, with listener: ${listener}`,
    ignore: !isUnix,
    fn: async () => {
      await using folder = await makeFolder();
      const [data, admin, app] = ["data", "admin", "app"].map((name) => `${folder.path}/${name}.sock`) as [
        string,
        string,
        string,
      ];
      await using _backend = startSocketBackend(app);
      const config = `${folder.path}/config.json`;
      const settings = {
        hostname: `unix:${data}`,
        socketMode: "0620",
        listener,
        admin: { hostname: `unix:${admin}` },
        services: [
          { name: "plain", url: `unix:${app}`, pathPrefix: "/plain" },
          { name: "based", url: `http+unix://${encodeURIComponent(app)}/base`, pathPrefix: "/based" },
          { name: "named", url: `unix:${app}`, host: "app.example", pathPrefix: "/named" },
          { name: "second", url: `unix:${app}`, http2: true, pathPrefix: "/second" },
          { name: "missing", url: `unix:${folder.path}/none.sock`, pathPrefix: "/missing" },
        ],
      };
      const write = (more: object = {}) => Deno.writeTextFile(config, JSON.stringify({ ...settings, ...more }));
      await write();
      await using child = startCli(["--config", config, "--log-format", "json", "--verbose"], { permissions: ALL });
      const [, url, adminUrl] = await child.stdout.seen(/"url":"(.*?)".*"admin":"(.*?)"/);
      assertEquals([url, adminUrl], [`unix:${data}`, `unix:${admin}`]);
      assertEquals((await Deno.stat(data)).mode! & 0o777, 0o620);

      assertEquals(await get(data, "/plain/a?b"), "200 /plain/a?b localhost - http");
      assertEquals(await get(data, "/based/a"), "200 /base/based/a localhost - http");
      assertEquals(await get(data, "/named/a"), "200 /named/a app.example - http");
      assertMatch(await get(data, "/second/a"), /^200 \/second\/a /);
      // A peer without an address is not believed, unless `trustProxy` has `unix`.
      const forwarded = { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" };
      assertEquals(await get(data, "/plain/a", forwarded), "200 /plain/a localhost - http");
      assertMatch(await get(data, "/missing", { accept: "application/json" }), /^502 .*"failure":"refused"/);
      await child.stdout.seen(/no socket at unix:.*none\.sock: start the service/);

      assertMatch(await get(admin, "/readyz"), /^200 /);
      assertMatch(await get(admin, "/api/state", { host: "localhost:9090" }), /^200 /);
      assertMatch(await get(admin, "/api/state", { host: "evil.example" }), /^403 /);

      await write({ trustProxy: ["unix"], socketMode: "0600" });
      child.kill("SIGHUP");
      await child.stdout.seen(/reloaded/);
      assertEquals(await get(data, "/plain/a", forwarded), "200 /plain/a localhost 192.0.2.1 https");
      assertEquals((await Deno.stat(data)).mode! & 0o777, 0o600);

      // A second process must not take over the socket of a running one.
      const second = await runCli(["--config", config], { permissions: ALL });
      assertEquals([second.code === 0, second.stdout], [false, ""]);
      assertStringIncludes(second.stderr, `Cannot listen on unix:${data}: address already in use`);
      assertEquals(await get(data, "/plain/a"), "200 /plain/a localhost - http");

      // A crash leaves the files.
      child.kill("SIGKILL");
      await child.exited;
      assert(await exists(data) && await exists(admin));
      await using next = startCli(["--config", config, "--log-format", "json"], { permissions: ALL });
      await next.stdout.seen(/"listening"/);
      assertEquals(await get(data, "/plain/a"), "200 /plain/a localhost - http");
      next.kill("SIGTERM");
      assertEquals(await next.exited, 0);
      assertEquals([await exists(data), await exists(admin)], [false, false]);
    },
  });
}

Deno.test({
  name: "a reload moves the listeners between a port, a socket and another socket",
  ignore: !isUnix,
  fn: async () => {
    await using folder = await makeFolder();
    const [a, b, app] = ["a", "b", "app"].map((name) => `${folder.path}/${name}.sock`) as [string, string, string];
    await using _backend = startSocketBackend(app);
    const config = `${folder.path}/config.json`;
    const write = (hostname: string, more: object = {}) => {
      const admin = hostname.startsWith("unix:") ? { hostname: `${hostname}.admin` } : { port: 0 };
      return Deno.writeTextFile(
        config,
        JSON.stringify({ hostname, port: 0, admin, services: [{ name: "app", url: `unix:${app}` }], ...more }),
      );
    };
    await write(`unix:${a}`);
    await using child = startCli(["--config", config, "--log-format", "json"], { permissions: ALL });
    await child.stdout.seen(/"url":"unix:.*\/a\.sock"/);
    const reload = async (hostname: string, more: object = {}) => {
      await write(hostname, more);
      child.kill("SIGHUP");
    };
    await reload(`unix:${b}`);
    await child.stdout.seen(/"url":"unix:.*\/b\.sock"/);
    assertMatch(await get(b, "/x"), /^200 /);
    assertMatch(await get(`${b}.admin`, "/readyz"), /^200 /);
    await Promise.all([a, `${a}.admin`].map(isGone));

    await reload("127.0.0.1");
    const [, url = ""] = await child.stdout.seen(/"url":"(http:.*?)"/);
    const response = await fetch(`${url}/x`);
    assertEquals([response.status, await response.text()], [200, "/x localhost 127.0.0.1 http"]);
    await isGone(b);

    await reload(`unix:${a}`);
    await child.stdout.seen(/"url":"unix:.*\/a\.sock"[^]*"url":"unix:.*\/a\.sock"/);
    assertMatch(await get(a, "/x"), /^200 /);
    // The same socket, with the other implementation.
    await reload(`unix:${a}`, { listener: "node" });
    await child.stdout.seen(/(?:reloaded[^]*){4}/);
    assertMatch(await get(a, "/x"), /^200 /);
  },
});

Deno.test({
  name: "conductor names the flags that Unix sockets need, and refuses what they cannot do",
  ignore: !isUnix,
  fn: async () => {
    await using folder = await makeFolder();
    const config = `${folder.path}/config.json`;
    const [socket, file] = [`${folder.path}/a.sock`, `${folder.path}/plain-file`];
    await Deno.writeTextFile(file, "keep me");
    const run = async (settings: object, permissions = ["--allow-net", "--allow-read"], flags: string[] = []) => {
      const services = [{ name: "app", url: "http://127.0.0.1:1" }];
      await Deno.writeTextFile(config, JSON.stringify({ port: 0, services, ...settings }));
      const { code, stderr } = await runCli(["--config", config, ...flags], { permissions });
      assert(code !== 0);
      return stderr;
    };
    const listens = { hostname: `unix:${socket}` };
    assertStringIncludes(
      await run({ services: [{ name: "app", url: `unix:${socket}` }] }),
      `Cannot reach service "app": no permission for its Unix socket; run again with --allow-write=${socket}`,
    );
    assertStringIncludes(
      await run(listens),
      `Cannot listen on unix:${socket}: no permission for the Unix socket: run again with --allow-write=${socket}`,
    );
    assertStringIncludes(await run({ hostname: `unix:${file}` }, ALL), "the file exists, and is not a socket");
    assertEquals(await Deno.readTextFile(file), "keep me");
    assertStringIncludes(
      await run(listens, [...ALL, "--unstable-net"], ["--workers", "2"]),
      Deno.build.os === "linux" ? "workers cannot share a Unix socket" : "Cannot start 2 workers",
    );
  },
});

Deno.test({
  name: "conductor report reads the report from a Unix socket",
  ignore: !isUnix,
  fn: async () => {
    await using folder = await makeFolder();
    const path = `${folder.path}/admin.sock`;
    const report = { verdict: "ready", services: [], mismatches: [], noise: [], undecided: [] };
    const server = Deno.serve({ path, onListen() {} }, ({ url }) => Response.json({ ...report, url }));
    const { code, stdout } = await runCli(["report", "--admin", `unix:${path}`, "--format", "json"], {
      permissions: ALL,
    });
    await server.shutdown();
    assertEquals(code, 0);
    assertMatch(JSON.parse(stdout).url, /\/api\/report$/);
    const gone = await runCli(["report", "--admin", `unix:${path}`], { permissions: ALL });
    assertStringIncludes(gone.stderr, `Cannot reach the admin listener at unix:${path}: `);
  },
});
