import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";

import { Guesses } from "../../src/admin/guesses.ts";
import { createAdminHandler } from "../../src/admin/handler.ts";
import { MAX_SESSIONS, Sessions } from "../../src/admin/sessions.ts";
import { createSource, logIn, peer, startAdmin, statusOf, TOKEN } from "../_support/test_admin.ts";

for (
  const [title, headers, status] of [
    ["nothing", {}, 401],
    ["the token", { authorization: `Bearer ${TOKEN}` }, 200],
    ["the token with another scheme's capitals", { authorization: `bearer ${TOKEN}` }, 200],
    ["another token", { authorization: `Bearer ${TOKEN}x` }, 401],
    ["a part of the token", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 401],
    ["the token as a password", { authorization: `Basic ${btoa(`:${TOKEN}`)}` }, 401],
    ["the token as a cookie", { cookie: `conductor-admin-PORT=${TOKEN}` }, 401],
    ["an empty cookie", { cookie: "conductor-admin-PORT=" }, 401],
  ] as const
) {
  Deno.test(`the admin listener with a token responds to ${title} with ${status}`, async () => {
    await using admin = await startAdmin({ token: TOKEN });
    const sent = Object.entries(headers).map(([name, value]) => [name, value.replace("PORT", String(admin.port))]);
    for (const path of ["/", "/api/state", "/api/exchanges", "/metrics", "/config", "/nothing"]) {
      const response = await fetch(admin.url + path, { headers: sent as [string, string][] });
      await response.body?.cancel();
      assertEquals(response.status, path === "/nothing" && status === 200 ? 404 : status, path);
      if (status === 401) assertEquals(response.headers.get("www-authenticate"), "Bearer");
    }
  });
}

Deno.test("a browser exchanges the token for a session whose cookie works only below an unguessable path", async () => {
  await using admin = await startAdmin({ token: TOKEN });
  const given = await fetch(`${admin.url}/?token=${TOKEN}`, { redirect: "manual" });
  await given.body?.cancel();
  const { path, cookie, field } = await logIn(admin);
  for (const location of [given.headers.get("location"), path]) assertMatch(location!, /^\/session-[0-9a-f]{32}\/$/);
  const fields = new RegExp(
    `^conductor-admin-\\d+=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=${path}; Max-Age=43200$`,
  );
  assertMatch(field, fields);
  assertNotMatch(field + path, new RegExp(TOKEN));

  const headers = { cookie: `a=b; ${cookie}` };
  for (const below of ["", "api/events", "api/state", "config", "metrics", "assets/main.js"]) {
    assertEquals(await statusOf(admin.url + path + below, { headers }), 200, below);
    assertEquals(await statusOf(`${admin.url}/${below}`, { headers }), 401, below);
    assertEquals(await statusOf(admin.url + path + below), 401, below);
    assertEquals(await statusOf(admin.url + given.headers.get("location") + below, { headers }), 401, below);
  }
  assertEquals(await statusOf(`${admin.url}${path}nothing`, { headers }), 404);
});

Deno.test("each login opens a new session, and a new listener accepts no earlier one", async () => {
  await using admin = await startAdmin({ token: TOKEN });
  const [first, second] = [await logIn(admin), await logIn(admin)];
  assert(first.path !== second.path && first.cookie !== second.cookie);
  await using restarted = await startAdmin({ token: TOKEN });
  const headers = { cookie: first.cookie.replace(String(admin.port), String(restarted.port)) };
  assertEquals(await statusOf(restarted.url + first.path, { headers }), 401);
});

Deno.test("a logout ends the session and its event streams, but no other session", async () => {
  await using admin = await startAdmin({ token: TOKEN });
  const [left, stays] = [await logIn(admin), await logIn(admin)];
  const [headers, other] = [{ cookie: left.cookie }, { cookie: stays.cookie }];
  const stream = await fetch(`${admin.url}${left.path}api/events`, { headers });
  assertEquals(await statusOf(`${admin.url}${left.path}logout`, { headers }), 405);
  const foreign = { cookie: left.cookie, origin: "http://evil.example" };
  assertEquals(await statusOf(`${admin.url}${left.path}logout`, { method: "POST", headers: foreign }), 403);
  const logout = await fetch(`${admin.url}${left.path}logout`, { method: "POST", headers, redirect: "manual" });
  await logout.body?.cancel();
  assertEquals([logout.status, logout.headers.get("location")], [303, "/"]);
  assertMatch(
    logout.headers.get("set-cookie")!,
    /=; HttpOnly; SameSite=Strict; Path=\/session-[0-9a-f]{32}\/; Max-Age=0$/,
  );
  await stream.text();
  assertEquals(await statusOf(admin.url + left.path, { headers }), 401);
  assertEquals(await statusOf(admin.url + stays.path, { headers: other }), 200);
});

Deno.test("a browser without a session gets a login form, other clients get a line of text", async () => {
  await using admin = await startAdmin({ token: TOKEN });
  const page = await fetch(admin.url, { headers: { accept: "text/html,*/*" } });
  assertEquals([page.status, page.headers.get("content-type")], [401, "text/html; charset=utf-8"]);
  assertStringIncludes(await page.text(), '<form method="post" action="/login">');
  const text = await fetch(admin.url);
  assertEquals([text.status, text.headers.get("content-type")], [401, "text/plain; charset=utf-8"]);
  await text.body?.cancel();
  for (
    const [body, type, expected] of [
      ["token=wrong", "application/x-www-form-urlencoded", 401],
      ["", "application/x-www-form-urlencoded", 401],
      [`token=${TOKEN}`, "text/plain", 415],
      [`token=${"x".repeat(5_000)}`, "application/x-www-form-urlencoded", 413],
    ] as const
  ) {
    const init = { method: "POST", body, headers: { "content-type": type } };
    assertEquals(await statusOf(`${admin.url}/login`, init), expected, body.slice(0, 20));
  }
  assertEquals(await statusOf(`${admin.url}/login`, { headers: { authorization: `Bearer ${TOKEN}` } }), 404);
});

Deno.test("a wrong ?token gets 401 and no cookie", async () => {
  await using admin = await startAdmin({ token: TOKEN });
  for (const given of ["", "wrong", `${TOKEN}%20`]) {
    const response = await fetch(`${admin.url}/?token=${given}`, { redirect: "manual" });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("set-cookie")], [401, null]);
  }
});

Deno.test("a session and its stream end after an hour without a request, and after twelve hours in any case", async () => {
  using time = new FakeTime();
  const hour = 3_600_000;
  const options = { hostname: "127.0.0.1", port: 80, token: TOKEN, now: () => time.now };
  const { handle, close } = createAdminHandler(createSource(), options);
  const send = (path: string, cookie = "") => {
    return handle(new Request(`http://127.0.0.1:80${path}`, { headers: { host: "127.0.0.1:80", cookie } }), peer(1));
  };
  const login = async () => {
    const response = await send(`/?token=${TOKEN}`);
    return { path: response.headers.get("location")!, cookie: response.headers.get("set-cookie")!.split(";")[0]! };
  };
  const [idle, used] = [await login(), await login()];
  for (let hours = 0; hours < 11.9; hours += 0.9) {
    time.tick(0.9 * hour);
    const expected = hours + 0.9 < 12 ? 200 : 401;
    assertEquals((await send(used.path + "config", used.cookie)).status, expected, `${hours}`);
  }
  assertEquals((await send(idle.path, idle.cookie)).status, 401);

  const watched = await login();
  const stream = await send(`${watched.path}api/events`, watched.cookie);
  const text = stream.text();
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) await time.tickAsync(60_000);
  };
  await minutes(90);
  assertEquals((await send(watched.path + "config", watched.cookie)).status, 200);
  await minutes(12 * 60);
  assertMatch(await text, /^retry/);
  close();
});

Deno.test("Guesses reports wrong tokens once per interval, and limits guesses from many networks", () => {
  using time = new FakeTime();
  const reports: unknown[] = [];
  const guesses = new Guesses({ now: () => time.now, onGuesses: (report) => reports.push(report) });
  guesses.right("known");
  guesses.wrong("a");
  assertEquals(reports, [{ wrong: 1, refused: 0, clients: ["a"] }]);
  for (let count = 1; count < 10; count++) guesses.wrong("a");
  assertEquals([guesses.waitMs("a"), guesses.waitMs("b")], [10_000, 0]);
  assertEquals(reports.length, 1);
  time.tick(10_000);
  assertEquals(reports[1], { wrong: 9, refused: 1, clients: ["a"] });
  assertEquals(guesses.waitMs("a"), 0);
  for (let count = 0; count < 200; count++) guesses.wrong(`10.0.0.${count}`);
  assert(guesses.waitMs("new") > 0);
  assertEquals(guesses.waitMs("known"), 0);
  time.tick(10_000);
  assertEquals(reports[2], { wrong: 200, refused: 1, clients: ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"] });
  time.tick(10_000);
  assertEquals(reports.length, 3);
  guesses.close();
});

Deno.test("sessions are bounded: a new one replaces the least recently used", () => {
  let nowMs = 0;
  const sessions = new Sessions(() => nowMs++);
  const [first, second] = [sessions.open(), sessions.open()];
  assert(sessions.use(first.id, first.secret));
  for (let count = 2; count < MAX_SESSIONS; count++) sessions.open();
  assert(!sessions.use(first.id, second.secret), "another session's secret");
  sessions.open();
  assertEquals([sessions.keep(first.id), sessions.keep(second.id)], [true, false]);
});
