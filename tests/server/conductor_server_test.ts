import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type ConductorEvent, ConfigError, ListenError, serve } from "@zeek/conductor";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { freePort } from "../_support/ports.ts";
import { LISTENERS, startBackend } from "../_support/servers.ts";

const HOST = "127.0.0.1";
const textOf = async (url: string) => await (await fetch(url)).text();

for (const listener of LISTENERS) {
  const where = { port: 0, hostname: HOST, listener } as const;

  Deno.test(`serve() listens with the ${listener} listener, and passes on the client's address`, async () => {
    await using backend = startBackend();
    const events: ConductorEvent[] = [];
    await using server = await serve({ ...where, services: [{ name: "a", url: backend.url }] }, {
      observe: (event) => events.push(event),
    });
    assertEquals(server.url, `http://${HOST}:${server.port}`);
    assertEquals(await textOf(server.url), "ok");
    assertEquals(backend.seen[0]!.headers.get("x-forwarded-for"), HOST);
    assertEquals(events.slice(0, 2).map(({ type }) => type), ["received", "attempted"]);
  });

  Deno.test(`serve() reloads with the ${listener} listener, on the same port and on another one`, async () => {
    await using backend = startBackend();
    const services = [{ name: "a", url: backend.url }];
    const metrics = { enabled: true };
    await using server = await serve({ ...where, metrics, services });
    const first = server.url;
    assertEquals(await textOf(first), "ok");
    await server.reload({ ...where, metrics, services: [{ name: "b", url: backend.url }] });
    const response = await fetch(first);
    await response.body?.cancel();
    assertEquals([server.url, response.headers.get("x-conductor-service")], [first, "b"]);
    // The counts outlive the configuration.
    assertEquals(JSON.parse(await textOf(`${first}/metrics`)).request_count, 2);
    await server.reload({ ...where, port: freePort(), services });
    assert(server.url !== first);
    assertEquals(await textOf(server.url), "ok");
  });

  Deno.test(`serve() keeps its configuration if a reload with the ${listener} listener fails`, async () => {
    await using backend = startBackend();
    const services = [{ name: "a", url: backend.url }];
    await using other = await serve({ ...where, services });
    await using server = await serve({ ...where, services });
    const first = server.url;
    await assertRejects(() => server.reload({ ...where, services: [] }), ConfigError, "services");
    const inUse = { ...where, port: other.port, services };
    const error = await assertRejects(() => server.reload(inUse), ListenError, "address already in use");
    assertEquals(error.kind, "in-use");
    assertEquals([server.url, await textOf(first)], [first, "ok"]);
  });

  Deno.test(`close() waits for requests in flight, and resolves after its timeout, with the ${listener} listener`, async () => {
    for (const timeoutMs of [5_000, 50]) {
      const arrived = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      await using backend = startBackend(async () => {
        arrived.resolve();
        await release.promise;
        return new Response("complete");
      });
      const server = await serve({ ...where, services: [{ name: "a", url: backend.url }] });
      const response = textOf(server.url).catch(() => "cut");
      await arrived.promise;
      const closed = server.close({ timeoutMs });
      if (timeoutMs === 5_000) release.resolve();
      await closed;
      release.resolve();
      if (timeoutMs === 5_000) assertEquals(await response, "complete");
      // Deno's own listener cannot cut off a request.
      else if (listener === "node") assertEquals(await response, "cut");
      else assertEquals(await response, "complete");
      assertEquals(server.attemptsInFlight, 0);
    }
  });

  Deno.test({
    name: `serve() rejects a key that is not the certificate's with the ${listener} listener`,
    ignore: !hasOpenssl,
    async fn() {
      await using certificate = await makeCertificate();
      await using other = await makeCertificate();
      const tls = { cert: certificate.cert, key: other.key };
      const config = { ...where, tls, services: [{ name: "a", url: "http://127.0.0.1:1" }] };
      const error = await assertRejects(() => serve(config), ListenError, "invalid certificate or key");
      assertEquals(error.kind, "bad-certificate");
    },
  });
}

Deno.test("serve() rejects the fields that only the command line applies", async () => {
  const services = [{ name: "a", url: "http://127.0.0.1:1" }];
  const error = await assertRejects(
    () => serve({ services, logging: { level: "debug" }, shutdownDelay: "1s" }),
    ConfigError,
  );
  const paths = error.problems.map(({ path }) => path).sort();
  assertEquals(paths, ["logging", "shutdownDelay"]);
  for (const { message } of error.problems) assertMatch(message, /^is not supported by serve\(\): /);
});

Deno.test("serve() checks the health of services, and ends the checks when it is closed", async () => {
  const unhealthy = Promise.withResolvers<void>();
  await using server = await serve({
    port: 0,
    hostname: HOST,
    services: [{ name: "a", url: "http://127.0.0.1:1", health: { path: "/", interval: "10ms", unhealthyAfter: 1 } }],
  }, {
    observe: (event) => {
      if (event.type === "health" && event.state === "unhealthy") unhealthy.resolve();
    },
  });
  await unhealthy.promise;
  assertStringIncludes(await textOf(server.url), "unhealthy");
});

Deno.test("serve() has an admin listener, which reports the drain, and closes last", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using backend = startBackend(async () => {
    arrived.resolve();
    await release.promise;
    return new Response("complete");
  });
  const where = { port: 0, hostname: HOST };
  const server = await serve({ ...where, admin: where, services: [{ name: "a", url: backend.url }] });
  const { adminUrl } = server;
  assertEquals(await textOf(`${adminUrl}readyz`), "ready\n");
  const response = textOf(server.url);
  await arrived.promise;
  const closing = server.close();
  assertEquals(await textOf(`${adminUrl}readyz`), "not ready: draining\n");
  release.resolve();
  assertEquals(await response, "complete");
  await closing;
  assertEquals(server.adminUrl, undefined);
  await assertRejects(() => fetch(`${adminUrl}readyz`), TypeError);
});

Deno.test("serve() listens nowhere if the address of the admin listener is in use", async () => {
  const services = [{ name: "a", url: "http://127.0.0.1:1" }];
  await using other = await serve({ port: 0, hostname: HOST, services });
  const port = freePort();
  const inUse = { port, hostname: HOST, admin: { port: other.port, hostname: HOST }, services };
  const error = await assertRejects(() => serve(inUse), ListenError, "address already in use");
  assertEquals(error.kind, "in-use");
  await assertRejects(() => fetch(`http://${HOST}:${port}`), TypeError);
});

Deno.test({
  name: "serve() has an admin listener on a Unix socket",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const hostname = `unix:${folder}/admin.sock` as const;
    const services = [{ name: "a", url: "http://127.0.0.1:1" }];
    const server = await serve({ port: 0, hostname: HOST, admin: { hostname, socketMode: "0600" }, services });
    assertEquals(server.adminUrl, hostname);
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path: `${folder}/admin.sock` } });
    assertEquals(await (await fetch("http://localhost/healthz", { client })).text(), "ok\n");
    await server.close();
    await Deno.remove(folder, { recursive: true });
  },
});
