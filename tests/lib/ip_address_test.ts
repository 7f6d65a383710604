/** Spellings of addresses, and what depends on them: trust, and the network of a client. */

import { assert, assertEquals } from "@std/assert";
import { clientNetwork } from "../../src/http/client_address.ts";
import { addressMatcher, networkOf, unmapAddress } from "../../src/http/client_address.ts";
import { parseIpAddress } from "../../src/lib/ip_address.ts";

/** Every spelling of 10.0.0.7 as an IPv4-mapped address that differs in kind. */
const MAPPED = [
  "::ffff:10.0.0.7",
  "::FFFF:10.0.0.7",
  "::ffff:a00:7",
  "::FFFF:A00:7",
  "::ffff:0a00:0007",
  "0:0:0:0:0:ffff:a00:7",
  "0000:0000:0000:0000:0000:ffff:0a00:0007",
  "0:0:0:0:0:ffff:10.0.0.7",
  "::0:ffff:a00:7",
  "0::ffff:a00:7",
  "::ffff:10.0.0.7%eth0",
];

for (const address of MAPPED) {
  Deno.test(`${address} is 10.0.0.7: for trustProxy, as a client, and in X-Forwarded-For`, () => {
    assertEquals(parseIpAddress(address), parseIpAddress("10.0.0.7"));
    assert(addressMatcher(["10.0.0.0/8"])(address));
    assert(!addressMatcher(["10.0.0.8"])(address));
    assertEquals(networkOf(address), "10.0.0.7");
    assertEquals(unmapAddress(address), "10.0.0.7");
    assertEquals(clientNetwork("192.0.2.1", address, addressMatcher(["192.0.2.1"])), "10.0.0.7");
    assertEquals(clientNetwork("192.0.2.1", `[${address}]:4711`, addressMatcher(["192.0.2.1"])), "10.0.0.7");
  });
}

Deno.test("networkOf() returns different networks for two IPv4-mapped clients", () => {
  assertEquals([networkOf("::ffff:a00:7"), networkOf("::ffff:a00:8")], ["10.0.0.7", "10.0.0.8"]);
});

Deno.test("networkOf() distinguishes IPv4 clients behind NAT64, and trustProxy does not treat them as IPv4", () => {
  assertEquals(networkOf("64:ff9b::192.0.2.1"), "192.0.2.1");
  assertEquals(networkOf("64:ff9b::c000:202"), "192.0.2.2");
  assert(!addressMatcher(["10.0.0.0/8"])("64:ff9b::10.0.0.7"));
});

Deno.test("networkOf() treats other addresses with an embedded IPv4 address as IPv6", () => {
  for (const address of ["2002:a00:7::1", "::10.0.0.7", "::ffff:0:10.0.0.7", "64:ff9b:1::10.0.0.7"]) {
    assert(networkOf(address)!.endsWith("/64"), address);
    assert(!addressMatcher(["10.0.0.0/8"])(address), address);
  }
});

Deno.test("networkOf() ignores case, leading zeros and zone ids of IPv6 addresses", () => {
  for (const address of ["2001:db8::1", "2001:DB8::2", "2001:0db8:0:0:1::", "2001:db8:0:0::3%eth0"]) {
    assertEquals(networkOf(address), "20010db800000000/64", address);
  }
  assertEquals(networkOf("fe80::1%eth0"), networkOf("fe80::2%25eth1"));
});

const NONE = [
  "",
  ":",
  ":::",
  "1",
  "1.2.3",
  "1.2.3.4.5",
  "256.0.0.1",
  "010.0.0.1",
  "1.2.3.4 ",
  "0x10.0.0.1",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8:9",
  "12345::",
  "::g",
  "::ffff:256.0.0.1",
  "::1.2.3.4:5",
  "1.2.3.4::",
  "unknown",
  "_hidden",
];

for (const text of NONE) {
  Deno.test(`parseIpAddress() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseIpAddress(text), undefined);
  });
}
