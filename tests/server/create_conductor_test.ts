import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";

import { ConfigError, createConductor, defineConfig } from "../../mod.ts";
import { startBackend } from "../_support/servers.ts";

const TOKEN = "0123456789abcdef";

Deno.test("createConductor() handles requests, and counts them in metrics() and in the admin API", async () => {
  await using backend = startBackend(() => new Response("hello"));
  await using conductor = createConductor({ services: [{ name: "api", url: backend.url }] });
  assertEquals(await (await conductor.fetch(new Request("http://localhost/x"))).text(), "hello");
  assertMatch(conductor.metrics(), /conductor_requests_total\{[^}]*\} 1\n/);
  const response = await conductor.admin(new Request("http://localhost/api/state"));
  const state = await response.json();
  assertEquals(state.services[0].name, "api");
  const exchanges = await (await conductor.admin(new Request("http://localhost/api/exchanges"))).json();
  assertEquals(exchanges.exchanges.length, 1);
});

Deno.test("the admin handler of createConductor() works below a path, with a token", async () => {
  const services = [{ name: "api", url: "http://localhost:1" }];
  await using conductor = createConductor({ services }, { admin: { token: TOKEN, path: "/conductor/" } });
  const get = (path: string, headers: Record<string, string> = {}) =>
    conductor.admin(new Request(`https://app.example${path}`, { headers }));
  assertEquals((await get("/conductor/api/state")).status, 401);
  assertEquals((await get("/conductor/api/state", { authorization: `Bearer ${TOKEN}` })).status, 200);
  assertEquals((await get("/api/state", { authorization: `Bearer ${TOKEN}` })).status, 404);
  assertEquals((await get("/conductor")).headers.get("location"), "/conductor/");
  const login = await get(`/conductor/?token=${TOKEN}`);
  const [location = "", cookie = ""] = [login.headers.get("location"), login.headers.get("set-cookie")];
  assertMatch(location ?? "", /^\/conductor\/session-[0-9a-f]{32}\/$/);
  assertStringIncludes(cookie ?? "", `; Path=${location}`);
  const page = await get(location!, { cookie: cookie!.split(";")[0]! });
  assertEquals(page.status, 200);
  assertStringIncludes(await page.text(), "<html");
});

Deno.test("the admin handler of createConductor() without a token accepts loopback hosts only", async () => {
  await using conductor = createConductor({ services: [{ name: "api", url: "http://localhost:1" }] });
  assertEquals((await conductor.admin(new Request("http://app.example/api/state"))).status, 403);
  assertEquals((await conductor.admin(new Request("http://127.0.0.1:3000/api/state"))).status, 200);
});

Deno.test("check() requests each health path once, and an unhealthy service gets no requests", async () => {
  let status = 200;
  await using backend = startBackend(() => new Response("", { status }));
  const health = { path: "/healthz", unhealthyAfter: 2, healthyAfter: 1 };
  await using conductor = createConductor({
    services: [{ name: "a", url: backend.url, health }, { name: "b", url: backend.url, path: "/b" }],
  });
  assertEquals(await conductor.check(), [{ service: "a", ok: true, state: "healthy", status: 200 }]);
  status = 503;
  assertEquals((await conductor.check())[0]?.state, "healthy");
  assertEquals((await conductor.check())[0]?.state, "unhealthy");
  const checks = backend.seen.length;
  const response = await conductor.fetch(new Request("http://localhost/"));
  assertStringIncludes(await response.text(), "unhealthy");
  assertEquals(backend.seen.length, checks);
  status = 200;
  assertEquals((await conductor.check())[0]?.state, "healthy");
});

Deno.test("report() has the verdict on compared services, and is undefined without comparison", async () => {
  await using a = startBackend(() => new Response("1"));
  await using b = startBackend(() => new Response("2"));
  const services = [{ name: "a", url: a.url, primary: true }, { name: "b", url: b.url, shadow: true }] as const;
  await using plain = createConductor({ services });
  assertEquals(plain.report(), undefined);
  const compared = Promise.withResolvers<void>();
  await using conductor = createConductor({ compare: { noise: "off" }, services }, {
    observe: (event) => event.type === "compared" && compared.resolve(),
  });
  await (await conductor.fetch(new Request("http://localhost/"))).text();
  await compared.promise;
  assertEquals(conductor.report()?.verdict, "not-enough-traffic");
  assertEquals(conductor.report({ minRequests: 1 })?.verdict, "not-ready");
});

Deno.test("disposing waits for shadow requests", async () => {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using a = startBackend();
  await using b = startBackend(async () => {
    arrived.resolve();
    await released.promise;
    return new Response();
  });
  const conductor = createConductor({
    services: [{ name: "a", url: a.url, primary: true }, { name: "b", url: b.url, shadow: true }],
  });
  await (await conductor.fetch(new Request("http://localhost/"))).body?.cancel();
  await arrived.promise;
  let isDisposed = false;
  const disposed = conductor[Symbol.asyncDispose]().then(() => isDisposed = true);
  await (await fetch(a.url)).body?.cancel();
  assert(!isDisposed);
  released.resolve();
  await disposed;
});

Deno.test("createConductor() refuses fields of conductor's own server by name", () => {
  const input = { port: 80, admin: { port: 1 }, services: [{ name: "a", url: "http://a" }] };
  const error = assertThrows(() => createConductor(input), ConfigError);
  assertEquals(error.problems.map(({ path }) => path), ["port", "admin"]);
  assertStringIncludes(error.message, "is not supported by createConductor()");
});

Deno.test("defineConfig() returns its argument", () => {
  const config = { services: [{ name: "a", url: "http://a" }] };
  assertEquals(defineConfig(config), config);
});

Deno.test("a conductor that is disposed sends no replays that still wait", async () => {
  const { promise: held, resolve: respond } = Promise.withResolvers<void>();
  const known = new Set<string>();
  await using old = startBackend(async ({ url }) => {
    if (known.has(url)) await held;
    known.add(url);
    return Response.json(1);
  });
  await using next = startBackend(() => Response.json(1));
  const { promise: compared, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const conductor = createConductor({
    compare: { noiseSample: 1 },
    services: [{ name: "old", url: old.url, primary: true }, { name: "new", url: next.url, shadow: true }],
  }, { observe: ({ type }) => void (type === "compared" && ++count === 20 && resolve()) });
  for (let sent = 0; sent < 20; sent++) await (await conductor.fetch(new Request(`http://conductor/${sent}`))).text();
  await compared;
  await old.received(28);
  const disposed = conductor[Symbol.asyncDispose]();
  respond();
  await disposed;
  assertEquals(old.seen.length, 28);
});
