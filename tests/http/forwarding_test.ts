import { assertEquals, assertMatch } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { forwardingHeaders, type ForwardingInfo, isLoop, requestIdFrom } from "../../src/http/forwarding.ts";

const INFO: ForwardingInfo = {
  clientAddress: "192.0.2.7",
  authority: "shop.example:8080",
  scheme: "http",
  trusted: false,
  forwarded: false,
  pseudonym: "conductor-0a1b2c3d",
  requestId: "id-1",
};

function forwarded(lines: HeaderLine[], info: Partial<ForwardingInfo> = {}): Record<string, string> {
  const result = forwardingHeaders(lines, { ...INFO, ...info });
  assertEquals(new Set(result.map(([name]) => name)).size, result.length, "a field was set twice");
  return Object.fromEntries(result);
}

Deno.test("forwardingHeaders() adds the client, the requested host and scheme, Via and the request id", () => {
  assertEquals(forwarded([["accept", "*/*"]]), {
    "accept": "*/*",
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-host": "shop.example:8080",
    "x-forwarded-proto": "http",
    "via": "1.1 conductor-0a1b2c3d",
    "x-request-id": "id-1",
  });
});

const SPOOFED: HeaderLine[] = [
  ["x-forwarded-for", "10.0.0.1"],
  ["x-forwarded-host", "admin.example"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-port", "443"],
  ["forwarded", "for=10.0.0.1"],
  ["x-real-ip", "10.0.0.1"],
  ["x-conductor-role", "primary"],
];

Deno.test("forwardingHeaders() replaces the fields of an untrusted peer", () => {
  const lines = forwarded(SPOOFED, { forwarded: true });
  assertEquals(lines["x-forwarded-for"], "192.0.2.7");
  assertEquals(lines["x-forwarded-host"], "shop.example:8080");
  assertEquals(lines["x-forwarded-proto"], "http");
  assertEquals(lines["forwarded"], `for=192.0.2.7;host="shop.example:8080";proto=http`);
  for (const name of ["x-forwarded-port", "x-real-ip", "x-conductor-role"]) assertEquals(lines[name], undefined, name);
});

Deno.test("forwardingHeaders() extends the fields of a trusted peer", () => {
  const lines = forwarded(SPOOFED, { trusted: true, forwarded: true });
  assertEquals(lines["x-forwarded-for"], "10.0.0.1, 192.0.2.7");
  assertEquals(lines["x-forwarded-host"], "admin.example");
  assertEquals(lines["x-forwarded-proto"], "https");
  assertEquals(lines["x-forwarded-port"], "443");
  assertEquals(lines["x-real-ip"], "10.0.0.1");
  assertEquals(lines["forwarded"], `for=10.0.0.1, for=192.0.2.7;host="shop.example:8080";proto=http`);
  assertEquals(lines["x-conductor-role"], undefined);
});

Deno.test("forwardingHeaders() removes fields that differ from ours only by an underscore", () => {
  const lines = forwarded([["x_forwarded_for", "10.0.0.1"], ["X_Request-Id", "evil"], ["x_forwarded_port", "1"]], {
    trusted: true,
  });
  assertEquals(lines["x-forwarded-for"], "192.0.2.7");
  assertEquals(Object.keys(lines).filter((name) => name.includes("_")), []);
});

Deno.test("forwardingHeaders() formats IPv6 clients for RFC 7239, and unknown clients as unknown", () => {
  const ipv6 = forwarded([], { clientAddress: "2001:db8::1", authority: "shop.example", forwarded: true });
  assertEquals(ipv6["forwarded"], `for="[2001:db8::1]";host=shop.example;proto=http`);
  const unknown = forwarded([["x-forwarded-for", "10.0.0.1"]], { clientAddress: undefined, forwarded: true });
  assertEquals(unknown["x-forwarded-for"], undefined);
  assertMatch(unknown["forwarded"]!, /^for=unknown;/);
});

Deno.test("requestIdFrom() keeps an id of at most 128 visible ASCII characters, otherwise creates one", () => {
  for (const id of ["a", "x".repeat(128), "~!{}"]) assertEquals(requestIdFrom(id), id);
  for (const id of [undefined, "", "x".repeat(129), "a b", "ä", "a\tb"]) {
    assertMatch(requestIdFrom(id), /^[0-9a-f-]{36}$/);
  }
});

Deno.test("isLoop() detects its own pseudonym in Via, and more than ten conductors", () => {
  const own = "conductor-0a1b2c3d";
  const others = (count: number) => Array.from({ length: count }, (_, index) => `1.1 conductor-${index}`).join(", ");
  assertEquals(isLoop(undefined, own), false);
  assertEquals(isLoop("1.1 varnish, 1.1 conductor-ffffffff", own), false);
  assertEquals(isLoop(`1.1 varnish, 1.1 ${own} (comment), 1.0 x`, own), true);
  assertEquals(isLoop(others(10), own), false);
  assertEquals(isLoop(others(11), own), true);
});

for (
  const [via, expected] of [
    ["1.1 conductor-0a1b2c3d", true],
    [" \tHTTP/1.1 conductor-0a1b2c3d", true],
    ["1.1 a,,1.1 conductor-0a1b2c3d,", true],
    ["1.1 conductor-0a1b2c3dx", false],
    ["1.1 conductor-0a1b2c3d:80", false],
    ["1.1 my-conductor-0a1b2c3d", false],
    ["conductor-0a1b2c3d", false],
    ["1.1 a (through 1.1 conductor-0a1b2c3d)", false],
    ["1.1 a conductor-0a1b2c3d", false],
    [`${"1.1 conductor-,".repeat(20)} 1.1 x`, false],
  ] as const
) {
  Deno.test(`isLoop() returns ${expected} for ${via.slice(0, 60)}`, () => {
    assertEquals(isLoop(via, "conductor-0a1b2c3d"), expected);
  });
}
