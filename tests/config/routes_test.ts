import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig } from "../../src/config/validate.ts";

const url = "http://localhost:8081";

/** The routes as `kind path: name role, …`. */
function routesOf(...services: Record<string, unknown>[]): string[] {
  const { config } = validateConfig({ services: services.map((service) => ({ url, ...service })) });
  return config.routes.map(({ kind, path, members }) =>
    `${kind} ${path}: ${members.map(({ service, role }) => `${service.name} ${role}`).join(", ")}`
  );
}

function warningsOf(...services: Record<string, unknown>[]): readonly string[] {
  return validateConfig({ services: services.map((service) => ({ url, ...service })) }).warnings;
}

Deno.test("groupRoutes() makes one route for each kind and path, in order of appearance", () => {
  assertEquals(
    routesOf(
      { name: "a", pathPrefix: "/api", primary: true },
      { name: "b", path: "/api" },
      { name: "c", pathPrefix: "/api/" },
      { name: "d", pathPrefix: "/api", shadow: true },
      { name: "e", pathExact: "/api" },
    ),
    [
      "pathPrefix /api: a primary, c secondary, d shadow",
      "path /api: b primary",
      "pathExact /api: e primary",
    ],
  );
});

Deno.test("groupRoutes() merges spellings of one path", () => {
  assertEquals(
    routesOf(
      { name: "a", primary: true, pathPrefix: "/%61pi/./x/../y//" },
      { name: "b", pathPrefix: "/api/y" },
      { name: "c", primary: true, pathPrefix: "/caf%c3%a9" },
      { name: "d", pathPrefix: "/café/" },
    ),
    ["pathPrefix /api/y: a primary, b secondary", "pathPrefix /caf%C3%A9: c primary, d secondary"],
  );
});

Deno.test("groupRoutes() keeps the trailing slash of an exact path, and drops that of a prefix", () => {
  assertEquals(
    routesOf({ name: "a", pathExact: ["/x", "/x/"], pathPrefix: ["/y/", "/"], path: "//" }),
    [
      "pathExact /x: a primary",
      "pathExact /x/: a primary",
      "pathPrefix /y: a primary",
      "pathPrefix /: a primary",
      "path /: a primary",
    ],
  );
});

Deno.test("groupRoutes() accepts several patterns for a service, and counts a repeated one once", () => {
  assertEquals(
    routesOf({ name: "a", pathPrefix: ["/x", "/x/", "/y"], pathExact: "/x" }, { name: "b", pathPrefix: "/y" }),
    ["pathExact /x: a primary", "pathPrefix /x: a primary", "pathPrefix /y: a primary, b secondary"],
  );
});

Deno.test("groupRoutes() makes a service without pattern a catch-all", () => {
  assertEquals(routesOf({ name: "a" }, { name: "b", path: "/" }), ["path /: a primary, b secondary"]);
});

Deno.test("groupRoutes() keeps several primaries, and promotes no other service", () => {
  assertEquals(routesOf({ name: "a" }, { name: "b", primary: true }, { name: "c", primary: true }), [
    "path /: a secondary, b primary, c primary",
  ]);
});

Deno.test("groupRoutes() promotes the first service that is not a shadow, with a warning if there is a choice", () => {
  const services = [{ name: "s", shadow: true }, { name: "a" }, { name: "b" }];
  assertEquals(routesOf(...services), ["path /: s shadow, a primary, b secondary"]);
  assertEquals(warningsOf(...services), [
    'services[1]: becomes the primary of path "/": no service of the route has `primary: true`',
  ]);
  assertEquals(warningsOf({ name: "a" }), []);
});

Deno.test("groupRoutes() rejects a route of shadows only, at the pattern", () => {
  const cases: [Record<string, unknown>, string][] = [
    [
      { pathExact: "/s" },
      'services[1].pathExact: must have a service that is not a shadow: found only shadows for pathExact "/s"',
    ],
    [{}, 'services[1]: must have a service that is not a shadow: found only shadows for path "/"'],
  ];
  for (const [patterns, message] of cases) {
    const shadow = { name: "s", url, shadow: true, ...patterns };
    const input = { services: [{ name: "a", url, pathPrefix: "/s" }, shadow] };
    assertEquals(assertThrows(() => validateConfig(input), ConfigError).message, message);
  }
});

Deno.test("groupRoutes() does not check routes if a problem leaves their services open", () => {
  const shadow = { name: "s", url, shadow: true, pathPrefix: "/a" };
  const others = [{ pathPrefix: "a" }, { pathPrefx: "/a" }, { primary: "ye", pathPrefix: "/a" }];
  for (const other of others) {
    const input = { services: [shadow, { name: "a", url, ...other }] };
    assertEquals(assertThrows(() => validateConfig(input), ConfigError).problems.length, 1);
  }
});

Deno.test("groupRoutes() shares one service object between the list and all routes", () => {
  const { config } = validateConfig({ services: [{ name: "a", url, pathPrefix: ["/x", "/y"] }] });
  for (const route of config.routes) assertEquals(route.members[0]!.service === config.services[0], true);
});
