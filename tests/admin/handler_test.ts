import { assert, assertEquals, assertLess, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";

import type { ExchangesView } from "../../src/admin/api.ts";
import { viewConfig } from "../../src/admin/config_view.ts";
import { type AdminHandler, createAdminHandler } from "../../src/admin/handler.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { serve } from "../../src/server/serve.ts";
import { readUntil } from "../_support/servers.ts";
import { createSource, exchange, peer, sendRaw, startAdmin, TOKEN } from "../_support/test_admin.ts";

for (
  const [path, status, type] of [
    ["/", 200, "text/html"],
    ["/healthz", 200, "text/plain"],
    ["/readyz", 200, "text/plain"],
    ["/metrics", 200, "application/json"],
    ["/api/state", 200, "application/json"],
    ["/api/exchanges", 200, "application/json"],
    ["/api/exchanges?after=abc", 200, "application/json"],
    ["/config", 200, "application/json"],
    ["/nothing", 404, "text/plain"],
    ["/healthz/", 404, "text/plain"],
    ["/../config.yaml", 404, "text/plain"],
  ] as const
) {
  Deno.test(`the admin listener responds to ${path} with ${status} and the security header fields`, async () => {
    await using admin = await startAdmin();
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(admin.url + path, { method });
      const text = await response.text();
      const { headers } = response;
      assertEquals([response.status, headers.get("content-type")?.split(";")[0]], [status, type]);
      assertEquals(text === "", method === "HEAD");
      if (method === "HEAD") assertEquals(headers.get("content-length"), null);
      assertStringIncludes(headers.get("content-security-policy") ?? "", "default-src 'none'; script-src 'self';");
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      // With `no-referrer`, browsers send `Origin: null` with forms.
      assertEquals(headers.get("referrer-policy"), type === "text/html" ? "same-origin" : "no-referrer");
      assertEquals(headers.get("x-frame-options"), "DENY");
      assertEquals(headers.get("cache-control"), "no-store");
      assertEquals(headers.get("access-control-allow-origin"), null);
    }
  });
}

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  Deno.test(`the admin listener responds to ${method} with 405`, async () => {
    await using admin = await startAdmin();
    const response = await fetch(`${admin.url}/api/state`, { method });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  });
}

Deno.test("probes reach the admin listener with any Host and without a token", async () => {
  await using admin = await startAdmin({ token: TOKEN, hostname: "0.0.0.0" });
  for (const path of ["/healthz", "/readyz"]) {
    assertEquals(await sendRaw(admin, ["Host: pod-7.example"], `GET ${path} HTTP/1.1`), 200);
  }
});

Deno.test("/readyz responds with 503 while the server drains, /healthz with 200", async () => {
  await using admin = await startAdmin();
  admin.source.draining = true;
  const ready = await fetch(`${admin.url}/readyz`);
  assertEquals([ready.status, await ready.text()], [503, "not ready: draining\n"]);
  const alive = await fetch(`${admin.url}/healthz`);
  assertEquals([alive.status, await alive.text()], [200, "ok\n"]);
});

Deno.test("values from the wire are escaped in JSON", async () => {
  await using admin = await startAdmin();
  const hostile = `</script><script>alert(1)</script>\u2028\u0000\x1b[31m\u202e"\\`;
  admin.source.ring.add(exchange({ path: hostile, method: hostile, headers: [[hostile, hostile]] }));
  const text = await (await fetch(`${admin.url}/api/exchanges`)).text();
  // deno-lint-ignore no-control-regex
  assertNotMatch(text, /[\u2028\x00\x1b\u202e]/);
  const { exchanges: [record] } = JSON.parse(text) as ExchangesView;
  assertEquals([record?.path, record?.method, record?.headers], [hostile, hostile, [[hostile, hostile]]]);
});

Deno.test("no response contains a secret of any kind", async () => {
  const secret = "s3cr3t-of-the-environment";
  const text = `
port: 0
admin: {port: 0, token: "\${env:SECRET}"}
services:
  - name: a
    url: http://localhost:1/\${env:SECRET}
    headers: {Authorization: "Bearer \${env:SECRET}", X-Plain: shown, X-Odd: "\${env:SECRET}", X-Literal-Token: s3cr3t-literal}
    responseHeaders: {Set-Cookie: "a=\${env:SECRET}"}
    health: {path: "/health?key=\${env:SECRET}"}
  - {name: b, url: "\${env:URL}", pathPrefix: /b, host: "\${env:SECRET}.example"}
`;
  const environment: Record<string, string> = { SECRET: secret, URL: "http://localhost:1/s3cr3t-path" };
  const read = await readConfig(text, { readFile: () => Promise.reject(), readEnv: (name) => environment[name] });
  const { config } = validateConfig(read.value, read.source);
  await using admin = await startAdmin({ source: createSource(config) });
  for (const path of ["/", "/healthz", "/readyz", "/metrics", "/api/state", "/api/exchanges", "/config"]) {
    const response = await fetch(admin.url + path);
    const shown = JSON.stringify([...response.headers]) + await response.text();
    assertNotMatch(shown, /s3cr3t/, path);
  }
  const { services: [shown], admin: settings } = viewConfig(config) as {
    services: [{ headers: Record<string, string>; failOn: unknown }];
    admin: unknown;
  };
  assertEquals(shown.headers["X-Plain"], "shown");
  assertEquals(shown.headers["X-Odd"], "[redacted, 25 bytes]");
  assertEquals(shown.failOn, [{ from: 500, to: 599 }]);
  assertEquals(settings, { port: 0, hostname: "127.0.0.1", token: "[redacted, 25 bytes]" });
});

Deno.test("a client whose requests take too much time gets 503 for a while, and other clients do not", async () => {
  let nowMs = 0;
  const source = createSource();
  const read = source.exchanges;
  source.exchanges = (after) => {
    nowMs += 40;
    return read(after);
  };
  const options = { hostname: "127.0.0.1", port: 80, token: undefined, now: () => nowMs };
  const { handle } = createAdminHandler(source, options);
  const send = async (number: number) => {
    const headers = { host: "127.0.0.1:80" };
    const response = await handle(new Request("http://127.0.0.1:80/api/exchanges", { headers }), peer(number));
    await response.body?.cancel();
    return [response.status, response.headers.get("retry-after")];
  };
  let served = 0;
  while ((await send(1))[0] === 200 && served < 1_000) served++;
  assert(served > 5 && served < 20, `${served}`);
  assertEquals([await send(1), await send(2)], [[503, "1"], [200, null]]);
  nowMs += 1_000;
  assertEquals(await send(1), [200, null]);
});

Deno.test("probes get a response without a read of the state after their requests take too much time", async () => {
  let nowMs = 0;
  const source = createSource();
  const read = source.state;
  source.state = () => {
    nowMs += 40;
    return read();
  };
  const { handle } = createAdminHandler(source, { hostname: "::", port: 80, token: TOKEN, now: () => nowMs });
  for (let count = 0; count < 1_000; count++) {
    const response = await handle(new Request("http://pod:80/readyz", { headers: { host: "pod:80" } }), peer(1));
    assertEquals([response.status, await response.text()], [200, "ready\n"]);
  }
  assertLess(source.reads, 100);
});

Deno.test("/readyz reports that the server drains even if other clients use up the time budget", async () => {
  let nowMs = 0;
  const source = createSource();
  const { state } = source;
  let draining = false;
  source.state = async () => {
    nowMs += 40;
    return { ...await state(), draining };
  };
  const options = { hostname: "127.0.0.1", port: 80, token: undefined, now: () => nowMs };
  const { handle } = createAdminHandler(source, options);
  const send = async (path: string, number: number) => {
    const headers = { host: "127.0.0.1:80" };
    const response = await handle(new Request(`http://127.0.0.1:80${path}`, { headers }), peer(number));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await send("/readyz", 9), 200);
  draining = true;
  for (let count = 0; count < 100; count++) for (const number of [1, 2, 3]) await send("/api/state", number);
  assertEquals(await send("/api/state", 4), 503);
  assertEquals(await send("/readyz", 9), 503);
});

Deno.test("an exception causes a 500 without details, and a report", async () => {
  const source = createSource();
  source.state = () => Promise.reject(new Error("the secret of the request"));
  const reports: [string, unknown][] = [];
  const onError = (...report: [string, unknown]) => reports.push(report);
  const { handle } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined, onError });
  const response = await handle(
    new Request("http://127.0.0.1:80/api/state?secret", { headers: { host: "127.0.0.1" } }),
  );
  assertEquals([response.status, await response.text()], [500, "Internal error.\n"]);
  assertEquals(reports.map(([message]) => message), ["admin request failed unexpectedly"]);
});

/** Beginnings of POST requests whose Content-Length exceeds the sent bytes. */
const INCOMPLETE_POSTS: readonly (readonly [name: string, path: string, head: readonly string[], sent: string])[] = [
  ["a login without a body", "/login", ["Content-Type: application/x-www-form-urlencoded"], ""],
  ["a login with half a body", "/login", ["Content-Type: application/x-www-form-urlencoded"], "token=a"],
  ["a noise mark without a body", "/api/noise", ["Content-Type: application/json"], ""],
  ["a noise mark with half a body", "/api/noise", ["Content-Type: application/json"], '{"route":"'],
];

async function sendPost(port: number, path: string, lines: readonly string[], sent: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${TOKEN}`, ...lines];
  await connection.write(new TextEncoder().encode([...head, "Content-Length: 100", "", sent].join("\r\n")));
  return connection;
}

for (const [name, path, lines, sent] of INCOMPLETE_POSTS) {
  Deno.test(`the admin listener responds to ${name} with 408 after 10 s`, async () => {
    const { setTimeout: setRealTimeout } = globalThis;
    using time = new FakeTime();
    await using admin = await startAdmin({ token: TOKEN });
    using connection = await sendPost(admin.port, path, lines, sent);
    let response: string | undefined;
    const receiving = readUntil(connection).then((text) => response = text);
    let seconds = 0;
    for (; response === undefined && seconds < 40; seconds++) {
      await new Promise((resolve) => setRealTimeout(resolve, 20));
      await time.tickAsync(1_000);
    }
    if (response === undefined) connection.close();
    assertMatch(await receiving.catch(() => ""), /^HTTP\/1\.1 408 /);
    assert(seconds >= 10, `response after ${seconds} s`);
  });

  Deno.test(`the admin listener reports no error if a client disconnects during ${name}`, async () => {
    const errors: unknown[] = [];
    const responded = Promise.withResolvers<Response>();
    const source = createSource();
    const server = await serve((request) => {
      const response = handler.handle(request);
      response.then(responded.resolve);
      return response;
    }, { hostname: "127.0.0.1", port: 0 });
    const handler: AdminHandler = createAdminHandler(source, {
      hostname: "127.0.0.1",
      port: server.port,
      token: TOKEN,
      onError: (...report) => errors.push(report),
    });
    (await sendPost(server.port, path, lines, sent)).close();
    assertEquals((await responded.promise).status, 400);
    assertEquals(errors, []);
    handler.close();
    await server.shutdown();
  });
}

Deno.test("the report is reset and marks are removed by requests of this origin with JSON only", async () => {
  await using admin = await startAdmin();
  const send = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const response = await fetch(admin.url + path, { method, headers, ...(body !== undefined && { body }) });
    await response.body?.cancel();
    return response.status;
  };
  const json = { "content-type": "application/json" };
  const foreign = { ...json, origin: "http://foreign.example" };
  const mark = '{ "route": "path /", "path": "$.id" }';
  assertEquals(await send("POST", "/api/report/reset", json), 204);
  assertEquals(await send("POST", "/api/report/reset", {}), 415);
  assertEquals(await send("POST", "/api/report/reset", foreign), 403);
  assertEquals(await send("GET", "/api/report/reset", json), 405);
  assertEquals(await send("POST", "/api/noise", json, mark), 200);
  assertEquals(await send("DELETE", "/api/noise", foreign, mark), 403);
  assertEquals(await send("DELETE", "/api/noise", json, mark), 200);
  assertEquals(admin.source.marks.list(), []);
});
