import { assert, assertEquals, assertMatch } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { type ForwardingInfo, forwardingHeaders, isLoop, requestIdFrom } from "../../src/http/forwarding.ts";
import { addressMatcher, unmapAddress } from "../../src/http/client_address.ts";

const FACTS: ForwardingInfo = {
  clientAddress: "192.0.2.7",
  authority: "shop.example:8080",
  scheme: "http",
  trusted: false,
  forwarded: false,
  pseudonym: "conductor-0a1b2c3d",
  requestId: "id-1",
};

function forwarded(lines: HeaderLine[], facts: Partial<ForwardingInfo> = {}): Record<string, string> {
  const result = forwardingHeaders(lines, { ...FACTS, ...facts });
  assertEquals(new Set(result.map(([name]) => name)).size, result.length, "a field was set twice");
  return Object.fromEntries(result);
}

Deno.test("forwardingHeaders() says who asked, for what, through whom", () => {
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

Deno.test("forwardingHeaders() replaces what a peer that is not trusted says", () => {
  const lines = forwarded(SPOOFED, { forwarded: true });
  assertEquals(lines["x-forwarded-for"], "192.0.2.7");
  assertEquals(lines["x-forwarded-host"], "shop.example:8080");
  assertEquals(lines["x-forwarded-proto"], "http");
  assertEquals(lines["forwarded"], `for=192.0.2.7;host="shop.example:8080";proto=http`);
  for (const name of ["x-forwarded-port", "x-real-ip", "x-conductor-role"]) assertEquals(lines[name], undefined, name);
});

Deno.test("forwardingHeaders() goes on from what a trusted peer says", () => {
  const lines = forwarded(SPOOFED, { trusted: true, forwarded: true });
  assertEquals(lines["x-forwarded-for"], "10.0.0.1, 192.0.2.7");
  assertEquals(lines["x-forwarded-host"], "admin.example");
  assertEquals(lines["x-forwarded-proto"], "https");
  assertEquals(lines["x-forwarded-port"], "443");
  assertEquals(lines["x-real-ip"], "10.0.0.1");
  assertEquals(lines["forwarded"], `for=10.0.0.1, for=192.0.2.7;host="shop.example:8080";proto=http`);
  assertEquals(lines["x-conductor-role"], undefined);
});

Deno.test("forwardingHeaders() drops fields that differ from ours by an underscore only", () => {
  const lines = forwarded([["x_forwarded_for", "10.0.0.1"], ["X_Request-Id", "evil"], ["x_forwarded_port", "1"]], {
    trusted: true,
  });
  assertEquals(lines["x-forwarded-for"], "192.0.2.7");
  assertEquals(Object.keys(lines).filter((name) => name.includes("_")), []);
});

Deno.test("forwardingHeaders() writes IPv6 clients as RFC 7239 asks, and unknown ones as unknown", () => {
  const ipv6 = forwarded([], { clientAddress: "2001:db8::1", authority: "shop.example", forwarded: true });
  assertEquals(ipv6["forwarded"], `for="[2001:db8::1]";host=shop.example;proto=http`);
  const unknown = forwarded([["x-forwarded-for", "10.0.0.1"]], { clientAddress: undefined, forwarded: true });
  assertEquals(unknown["x-forwarded-for"], undefined);
  assertMatch(unknown["forwarded"]!, /^for=unknown;/);
});

Deno.test("requestIdFrom() keeps an id of at most 128 visible ASCII characters, else makes one", () => {
  for (const id of ["a", "x".repeat(128), "~!{}"]) assertEquals(requestIdFrom(id), id);
  for (const id of [undefined, "", "x".repeat(129), "a b", "ä", "a\tb"]) {
    assertMatch(requestIdFrom(id), /^[0-9a-f-]{36}$/);
  }
});

Deno.test("isLoop() knows its own name in Via, and more than ten conductors", () => {
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
  Deno.test(`isLoop() says ${expected} of ${via.slice(0, 60)}`, () => {
    assertEquals(isLoop(via, "conductor-0a1b2c3d"), expected);
  });
}

Deno.test("addressMatcher() compares IPv4 and IPv6 addresses with ranges", () => {
  const isTrusted = addressMatcher(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
  for (const address of ["10.255.0.1", "192.0.2.7", "2001:db8:ffff::1", "::1", "::ffff:10.1.2.3"]) {
    assert(isTrusted(address), address);
  }
  for (
    const address of ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::2", "localhost", "", "10.0.0", "1:2:3:4:5:6:7:8:9"]
  ) {
    assert(!isTrusted(address), address);
  }
  assert(addressMatcher(["0.0.0.0/0"])("8.8.8.8"));
  assert(!addressMatcher(["0.0.0.0/0"])("2001:db8::1"));
  assertEquals(unmapAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  assertEquals(unmapAddress("2001:db8::1"), "2001:db8::1");
});
