import { assertEquals, assertLess } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import type { Route } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { encodeNonAscii, normalizePath, removeDotSegments, toByteString } from "../../src/config/path.ts";
import { compileRoutes, matchRoute } from "../../src/proxy/match.ts";
import { costMs } from "../_support/cost.ts";

const url = "http://localhost:1";

/** Returns the name of the first service of the matching route. */
function matchedName(services: ServiceInput[], path: string): string | undefined {
  const { config } = validateConfig({ services });
  return matchRoute(compileRoutes(config), path)?.members[0]?.service.name;
}

const SERVICES = [
  { name: "exact", url, pathExact: "/api/health" },
  { name: "api", url, pathPrefix: "/api" },
  { name: "users", url, pathPrefix: "/api/users/" },
  { name: "base", url, path: "/api/users/deep/down" },
  { name: "files", url, path: "/files" },
  { name: "rest", url },
];

Deno.test("matchRoute() prefers the exact path, then the longest prefix, then the longest base path", () => {
  const cases: Record<string, string> = {
    "/api/health": "exact",
    "/api/health/": "api",
    "/api/health/x": "api",
    "/api": "api",
    "/api/": "api",
    "/api//": "api",
    "/api/users": "users",
    "/api/users/": "users",
    "/api/users/7": "users",
    "/api/users/deep/down": "users",
    "/api/userspace": "api",
    "/apiary": "rest",
    "/API": "rest",
    "//api": "rest",
    "/api%2Fusers": "rest",
    "/files/a/b": "files",
    "/filesystem": "rest",
    "/": "rest",
  };
  for (const [path, name] of Object.entries(cases)) assertEquals(matchedName(SERVICES, path), name, path);
});

Deno.test("matchRoute() returns undefined if no pattern matches", () => {
  const services = [{ name: "api", url, pathPrefix: "/api" }, { name: "exact", url, pathExact: "/" }];
  assertEquals(matchedName(services, "/web"), undefined);
  assertEquals(matchedName(services, "/ap"), undefined);
  assertEquals(matchedName(services, "/"), "exact");
});

Deno.test("matchRoute() prefers the prefix / over every base path", () => {
  const services = [{ name: "base", url, path: "/a/b" }, { name: "all", url, pathPrefix: "/" }];
  assertEquals(matchedName(services, "/a/b/c"), "all");
});

Deno.test("matchRoute() matches each of several patterns of a service", () => {
  const services = [{ name: "many", url, pathPrefix: ["/a", "/b/c"], pathExact: "/d" }];
  for (const path of ["/a/x", "/b/c", "/d"]) assertEquals(matchedName(services, path), "many", path);
  assertEquals(matchedName(services, "/b"), undefined);
});

Deno.test("matchRoute() reads no more segments than the deepest pattern has", async () => {
  const table = compileRoutes(validateConfig({ services: SERVICES }).config);
  const match = (path: string) => {
    for (let round = 0; round < 1_000; round++) matchRoute(table, path);
  };
  const few = await costMs(() => match("/api" + "/".repeat(60)));
  const many = await costMs(() => match("/api" + "/".repeat(60_000)));
  // Reading every segment would take at least a thousand times as long.
  assertLess(many, 100 * Math.max(few, 1));
});

/** Returns a function that matches 100 paths in a table of `count` prefixes, and returns its lowest cost so far. */
function matchingAmong(count: number): () => Promise<number> {
  const routes = Array.from({ length: count }, (_, index): Route => ({
    kind: "pathPrefix",
    path: `/api/v1/r${index}`,
    members: [],
  }));
  const table = compileRoutes({ routes });
  const paths = Array.from({ length: 100 }, (_, index) => `${routes[Math.floor(index * count / 100)]!.path}/users/7`);
  let lowestMs = Infinity;
  return async () => {
    const ms = await costMs(() => {
      for (let round = 0; round < 200; round++) for (const path of paths) matchRoute(table, path);
    });
    return lowestMs = Math.min(lowestMs, ms);
  };
}

Deno.test("matchRoute() costs no more than twice as much among 10,000 routes as among 10", async () => {
  const [amongFew, amongMany] = [matchingAmong(10), matchingAmong(10_000)];
  let [few, many] = [0, Infinity];
  // Alternating runs, and the lowest cost of each: other load can only increase a cost.
  for (let round = 0; round < 15; round++) [few, many] = [await amongFew(), await amongMany()];
  assertLess(many, 2 * few);
});

Deno.test("removeDotSegments() resolves dot segments and leaves every other byte unchanged", () => {
  const cases: Record<string, string | undefined> = {
    "/a/b": "/a/b",
    "/a/../b": "/b",
    "/a/./b": "/a/b",
    "/a/%2e%2E/b": "/b",
    "/a/.%2e/b": "/b",
    "/a/%2e/b": "/a/b",
    "/../../etc/passwd": "/etc/passwd",
    "/a/b/..": "/a/",
    "/a/b/.": "/a/b/",
    "/a//../b": "/a/b",
    "/...": "/...",
    "/.well-known/x": "/.well-known/x",
    "/a/b%2Fc.d": "/a/b%2Fc.d",
    "/a;v=1,2/'x'!$&()*+=:@": "/a;v=1,2/'x'!$&()*+=:@",
    "//a//b": "//a//b",
    "/web/..%2fadmin": undefined,
    "/web/..%5Cadmin": undefined,
    "/web/%2e%2e%2fadmin": undefined,
    "/web/x%2f..": undefined,
    "/web\\..\\admin": undefined,
    "/a%": undefined,
    "/a%zz": undefined,
    "/a%00": undefined,
    "/a b": undefined,
    "/a#b": undefined,
    "a/b": undefined,
    "": undefined,
    "*": undefined,
  };
  for (const [path, expected] of Object.entries(cases)) assertEquals(removeDotSegments(path), expected, path);
});

Deno.test("normalizePath() unifies the spellings of a path, and never turns %2F into a separator", () => {
  const cases: Record<string, string> = {
    "/%61pi": "/api",
    "/a%2fb": "/a%2Fb",
    "/caf%c3%a9": "/caf%C3%A9",
    "/café": "/caf%C3%A9",
    "/%7Euser": "/~user",
    "/a%20b": "/a%20b",
    "/%2561": "/%2561",
  };
  for (const [path, expected] of Object.entries(cases)) assertEquals(normalizePath(path), expected, path);
});

Deno.test("encodeNonAscii() and toByteString() encode every character as UTF-8, at any length", () => {
  for (
    const character of ["a", "~", "%41", "\x7f", "\x80", "é", "\u07ff", "\u0800", "\uffff", "\u{10000}", "\u{10ffff}"]
  ) {
    const isAscii = character <= "\x7f";
    const encoded = isAscii ? character : encodeURIComponent(character);
    const bytes = String.fromCharCode(...new TextEncoder().encode(character));
    for (const count of [1, 300, 20_000]) {
      assertEquals(encodeNonAscii(`/${character.repeat(count)}b`), `/${encoded.repeat(count)}b`);
      assertEquals(toByteString(`/${character.repeat(count)}b`), `/${bytes.repeat(count)}b`);
    }
  }
});

Deno.test("normalizePath() decodes every unreserved byte and no other, at any length", () => {
  for (let byte = 0; byte < 256; byte++) {
    const triplet = `%${byte.toString(16).padStart(2, "0")}`;
    const character = String.fromCharCode(byte);
    const expected = /[\w.~-]/.test(character) ? character : triplet.toUpperCase();
    for (const count of [1, 300]) {
      assertEquals(normalizePath(`/${triplet.repeat(count)}`), `/${expected.repeat(count)}`);
      assertEquals(normalizePath(`/${triplet.toUpperCase().repeat(count)}`), `/${expected.repeat(count)}`);
    }
  }
});
