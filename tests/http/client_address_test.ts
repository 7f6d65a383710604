import { assert, assertEquals, assertLess } from "@std/assert";
import { addressMatcher, clientNetwork, unmapAddress } from "../../src/http/client_address.ts";

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

// Columns: the peer; its X-Forwarded-For; the client. 10.0.0.0/8 and fd00::/8 are trusted.
const CLIENTS: [peer: string, forwardedFor: string | null, client: string][] = [
  ["192.0.2.1", null, "192.0.2.1"],
  ["192.0.2.1", "192.0.2.9", "192.0.2.1"],
  ["::ffff:192.0.2.1", null, "192.0.2.1"],
  ["10.0.0.1", null, "10.0.0.1"],
  ["10.0.0.1", "192.0.2.9", "192.0.2.9"],
  ["10.0.0.1", "192.0.2.9:4711", "192.0.2.9"],
  ["10.0.0.1", "198.51.100.1, 192.0.2.9, 10.1.1.1", "192.0.2.9"],
  ["10.0.0.1", "10.9.9.9, 10.1.1.1", "10.9.9.9"],
  ["10.0.0.1", "unknown", "10.0.0.1"],
  ["10.0.0.1", "192.0.2.9, _hidden", "10.0.0.1"],
  ["2001:db8:1:2:3::4", null, "20010db800010002/64"],
  ["2001:db8:1:2:aaaa:bbbb::", null, "20010db800010002/64"],
  ["fd00::1", "[2001:db8:1:2::9]:4711", "20010db800010002/64"],
];

for (const [peer, forwardedFor, client] of CLIENTS) {
  Deno.test(`clientNetwork() returns ${client} for ${peer} with ${forwardedFor}`, () => {
    const trusted = addressMatcher(["10.0.0.0/8", "fd00::/8"]);
    assertEquals(clientNetwork(peer, forwardedFor, trusted), client);
  });
}

Deno.test("clientNetwork() reads a bounded number of hops, however many trusted addresses the client sends", () => {
  for (const hop of ["10.1.1.1", "::ffff:a00:1", "[fc00::1]:1", "", " "]) {
    let calls = 0;
    const isTrusted = () => ++calls > 0;
    clientNetwork("10.0.0.1", `${hop},`.repeat(10_000), isTrusted);
    assertLess(calls, 40);
  }
});
