import { assert, assertEquals } from "@std/assert";
import { EndpointNames } from "../../src/compare/endpoint_names.ts";

// Columns: path; name of its endpoint.
const PATHS: readonly (readonly [path: string, name: string])[] = [
  ["/", "GET /"],
  ["/users", "GET /users"],
  ["/users/", "GET /users/"],
  ["/users/42", "GET /users/{id}"],
  ["/users/-7/orders/2024-05-01", "GET /users/{id}/orders/{id}"],
  ["/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301/a", "GET /users/{id}/a"],
  ["/commits/9f8e7d6c5b4a", "GET /commits/{id}"],
  ["/videos/dQw4w9WgXcQ", "GET /videos/{id}"],
  ["/customers/cus_NffrFeUfNV2Hib", "GET /customers/{id}"],
  ["/users/jo@example.com", "GET /users/{id}"],
  ["/orders/order-12345", "GET /orders/{id}"],
  ["/static/app.3f9a8b7c.js", "GET /static/{id}"],
  [`/tokens/${"a".repeat(65)}`, "GET /tokens/{id}"],
  ["/v1/oauth2/utf8", "GET /v1/oauth2/utf8"],
  ["/api/user-settings/dead-beef", "GET /api/user-settings/dead-beef"],
  ["/feed/default_configuration.json", "GET /feed/default_configuration.json"],
  ["/internationalization/acknowledgement", "GET /internationalization/acknowledgement"],
  [`${"/a".repeat(20)}`, `GET ${"/a".repeat(16)}/{…}`],
];

for (const [path, name] of PATHS) {
  Deno.test(`nameOf() names ${path.slice(0, 60)} ${name}`, () => {
    assertEquals(new EndpointNames().nameOf("GET", path), name);
  });
}

Deno.test("nameOf() names all uncommon methods *", () => {
  const names = new EndpointNames();
  assertEquals([names.nameOf("PROPFIND", "/a"), names.nameOf("X", "/a"), names.nameOf("POST", "/a")], [
    "* /a",
    "* /a",
    "POST /a",
  ]);
});

Deno.test("nameOf() prefers templates", () => {
  const names = new EndpointNames({ templates: ["/users/me", "/users/{name}", "/{tenant}/users/7"] });
  assertEquals(names.nameOf("GET", "/users/me"), "GET /users/me");
  assertEquals(names.nameOf("GET", "/users/jo"), "GET /users/{name}");
  assertEquals(names.nameOf("GET", "/acme/users/7"), "GET /{tenant}/users/7");
  assertEquals(names.nameOf("GET", "/acme/users/8"), "GET /acme/users/{id}");
  assertEquals(names.nameOf("GET", "/users/"), "GET /users/");
});

/** Returns a word of letters, which only the number of different words reveals as a value. */
function word(index: number): string {
  const letters = "abcdefghij";
  return String(index).split("").map((digit) => letters[Number(digit)]).join("");
}

Deno.test("nameOf() treats segments as values at a position with too many, and keeps frequent ones", () => {
  const names = new EndpointNames();
  for (let index = 0; index < 60; index++) {
    for (let count = 0; count < 20; count++) names.nameOf("GET", "/users/search");
    names.nameOf("GET", `/users/${word(index)}/orders`);
  }
  assertEquals(names.nameOf("GET", `/users/${word(999)}/orders`), "GET /users/{id}/orders");
  assertEquals(names.nameOf("GET", `/users/${word(0)}/orders`), "GET /users/{id}/orders");
  assertEquals(names.nameOf("GET", "/users/search"), "GET /users/search");
});

Deno.test("nameOf() limits the number of names for any paths", () => {
  const names = new EndpointNames({ maxEndpoints: 100 });
  const found = new Set<string>();
  for (let index = 0; index < 20_000; index++) {
    const path = `/${word(index % 40)}/${word(index % 1_600)}/${word(index)}/${"x/".repeat(index % 30)}`;
    found.add(names.nameOf(index % 2 === 0 ? "GET" : "PUT", path));
  }
  assertEquals(found.size, 102);
  assert(found.has("GET {…}") && found.has("PUT {…}"));
});

Deno.test("nameOf() names templates even above the maximum of endpoints", () => {
  const names = new EndpointNames({ maxEndpoints: 1, templates: ["/users/{id}"] });
  assertEquals(names.nameOf("GET", "/first"), "GET /first");
  assertEquals(names.nameOf("GET", "/second"), "GET {…}");
  assertEquals(names.nameOf("GET", "/users/jo"), "GET /users/{id}");
});

Deno.test("nameOf() counts repeated paths, and names rare ones anew once there are too many siblings", () => {
  const names = new EndpointNames({ maxSiblings: 10 });
  for (let count = 0; count < 100; count++) names.nameOf("GET", "/frequent");
  for (const path of ["/rare", "/rare", ..."bcdefghi"].map((name) => name.startsWith("/") ? name : `/${name}`)) {
    assertEquals(names.nameOf("GET", path), `GET ${path}`);
  }
  assertEquals(names.nameOf("GET", "/new"), "GET /{id}");
  assertEquals([names.nameOf("POST", "/frequent"), names.nameOf("GET", "/rare")], ["POST /frequent", "GET /{id}"]);
});

Deno.test("nameOf() redacts a path each time", () => {
  const names = new EndpointNames({ redact: (path) => path.replace("secret", "{id}") });
  for (let count = 0; count < 2; count++) assertEquals(names.nameOf("GET", "/a/secret"), "GET /a/{id}");
});
