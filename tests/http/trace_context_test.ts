import { assertEquals, assertMatch } from "@std/assert";
import { formatFlags, formatTraceparent, parseTraceparent } from "../../src/http/trace_context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

// Columns: the value of the field; the forwarded flags, or undefined if the value is invalid.
const FIELDS: readonly (readonly [value: string, flags: string | undefined])[] = [
  [`00-${TRACE}-${PARENT}-00`, "00"],
  [`00-${TRACE}-${PARENT}-01`, "01"],
  [`00-${TRACE}-${PARENT}-02`, "02"],
  [`00-${TRACE}-${PARENT}-03`, "03"],
  // Undefined flags are not forwarded.
  [`00-${TRACE}-${PARENT}-ff`, "03"],
  [`00-${TRACE}-${PARENT}-fc`, "00"],
  // A later version may have more parts, after the parts of version 00.
  [`01-${TRACE}-${PARENT}-01`, "01"],
  [`cc-${TRACE}-${PARENT}-01-what-the-future-brings`, "01"],
  [`cc-${TRACE}-${PARENT}-01-`, "01"],
  [`cc-${TRACE}-${PARENT}-01.what`, undefined],
  [`ff-${TRACE}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT}-01-more`, undefined],
  [`00-${TRACE}-${PARENT}-01-`, undefined],
  [`00-${TRACE}-${PARENT}-011`, undefined],
  [`00-${TRACE}-${PARENT}-1`, undefined],
  [`00-${TRACE}-${PARENT}`, undefined],
  [`00-${TRACE}-${PARENT}-0x`, undefined],
  [`0-${TRACE}-${PARENT}-01`, undefined],
  [`000-${TRACE}-${PARENT}-01`, undefined],
  [`0x-${TRACE}-${PARENT}-01`, undefined],
  [`00-${"0".repeat(32)}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT.toUpperCase()}-01`, undefined],
  [`00-${TRACE.slice(1)}-${PARENT}-01`, undefined],
  [`00-${TRACE}a-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT}a-01`, undefined],
  [`00_${TRACE}_${PARENT}_01`, undefined],
  [`00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`, undefined],
  [` 00-${TRACE}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT}-01\n`, undefined],
  ["", undefined],
];

for (const [value, flags] of FIELDS) {
  Deno.test(`parseTraceparent() ${flags === undefined ? "rejects" : "accepts"} ${JSON.stringify(value)}`, () => {
    assertEquals(parseTraceparent(value), flags === undefined ? undefined : { traceId: TRACE, flags });
  });
}

Deno.test("formatTraceparent() writes version 00 with the given id", () => {
  assertEquals(formatTraceparent({ traceId: TRACE, flags: "01" }, PARENT), `00-${TRACE}-${PARENT}-01`);
});

Deno.test("formatTraceparent() creates a new valid id for each call", () => {
  const written = Array.from({ length: 1_000 }, () => formatTraceparent({ traceId: TRACE, flags: "01" }));
  for (const value of written) {
    assertMatch(value, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    assertEquals(parseTraceparent(value), { traceId: TRACE, flags: "01" });
  }
  assertEquals(new Set(written).size, written.length);
});

Deno.test("formatFlags() writes the known flags as two digits", () => {
  assertEquals([undefined, 0, 1, 2, 3, 4, 0xff].map(formatFlags), ["00", "00", "01", "02", "03", "00", "03"]);
});
