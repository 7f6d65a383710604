import { assertEquals } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { getHeader, lastMembers, parseList, stripHopByHop } from "../../src/http/headers.ts";

// RFC 9110 §7.6.1. Columns: the rule; the received lines; the remaining lines.
const TABLE: readonly (readonly [rule: string, sent: HeaderLine[], kept: HeaderLine[]])[] = [
  ["Connection itself", [["Connection", "close"], ["a", "1"]], [["a", "1"]]],
  ["fields that Connection names", [["connection", "X-Hop, keep-alive"], ["x-hop", "1"], ["X-HOP", "2"]], []],
  ["several Connection lines", [["connection", "a"], ["connection", "b"], ["A", "1"], ["B", "1"], ["c", "1"]], [[
    "c",
    "1",
  ]]],
  ["Keep-Alive", [["Keep-Alive", "timeout=5"]], []],
  ["Proxy-Connection", [["Proxy-Connection", "keep-alive"]], []],
  ["Proxy-Authenticate", [["Proxy-Authenticate", "Basic"]], []],
  ["Proxy-Authorization", [["Proxy-Authorization", "Basic x"]], []],
  ["Trailer", [["Trailer", "Expires"]], []],
  ["Transfer-Encoding", [["Transfer-Encoding", "chunked"]], []],
  ["Upgrade", [["Upgrade", "websocket"], ["Connection", "upgrade"]], []],
  ["TE", [["TE", "gzip"]], []],
  ["TE with trailers, which are not relayed", [["TE", "gzip, trailers"]], []],
  ["not Content-Type, even if Connection names it", [["connection", "content-type"], ["content-type", "a/b"]], [[
    "content-type",
    "a/b",
  ]]],
  ["no end-to-end field, in order", [["b", "1"], ["Set-Cookie", "x=1"], ["Set-Cookie", "y=2"], ["a", "2"]], [
    ["b", "1"],
    ["Set-Cookie", "x=1"],
    ["Set-Cookie", "y=2"],
    ["a", "2"],
  ]],
];

for (const [rule, sent, kept] of TABLE) {
  Deno.test(`stripHopByHop() removes ${rule}`, () => assertEquals(stripHopByHop(sent), kept));
}

Deno.test("getHeader() joins the lines of a field, and ignores case", () => {
  assertEquals(getHeader([["Via", "1.1 a"], ["x", "y"], ["via", "1.1 b"]], "via"), "1.1 a, 1.1 b");
  assertEquals(getHeader([["x", "y"]], "via"), undefined);
});

for (
  const [value, members] of [
    ["", []],
    [" ,\t, ,", []],
    ["A", ["a"]],
    ["Keep-Alive,\tX-Hop , close", ["keep-alive", "x-hop", "close"]],
    [",,a b ,,", ["a b"]],
    ["a\u00a0,b", ["a\u00a0", "b"]],
  ] as const
) {
  Deno.test(`parseList() splits ${JSON.stringify(value)}`, () => assertEquals(parseList(value), [...members]));
}

Deno.test("lastMembers() returns the last members, and counts empty ones", () => {
  assertEquals(lastMembers("A, b, c", 2), ["b", "c"]);
  assertEquals(lastMembers("a, b", 3), ["a", "b"]);
  assertEquals(lastMembers("a,,,b", 3), ["b"]);
  assertEquals(lastMembers(",", 5), []);
  assertEquals(lastMembers("", 5), []);
});
