import { assertEquals, assertStringIncludes } from "@std/assert";

import { formatAddress, ListenError } from "../../src/server/listen_error.ts";

/** Errors of `Deno.serve`, the port, and the start of the reason. */
const LISTEN_CAUSES: [cause: unknown, port: number, kind: string, reason: string][] = [
  [new Deno.errors.NotCapable(""), 80, "no-permission", "no network permission"],
  [new Deno.errors.PermissionDenied(""), 80, "not-allowed", "permission denied: ports below 1024"],
  [new Deno.errors.PermissionDenied(""), 8080, "not-allowed", "permission denied"],
  [new Deno.errors.AddrNotAvailable(""), 80, "no-such-address", "address not available"],
  [new Error("failed to lookup address information"), 80, "no-such-address", "address not available"],
  [
    new Deno.errors.InvalidData("No keys found"),
    80,
    "bad-certificate",
    "invalid certificate or key: No",
  ],
  [new Error("out of luck"), 80, "other", "out of luck"],
  ["out of luck", 80, "other", "out of luck"],
];

for (const [cause, port, kind, reason] of LISTEN_CAUSES) {
  Deno.test(`ListenError explains ${cause} on port ${port}`, () => {
    const error = new ListenError({ hostname: "::1", port }, cause);
    assertEquals(error.kind, kind);
    assertStringIncludes(error.message, `Cannot listen on [::1]:${port}: ${reason}`);
    assertEquals(error.cause, cause);
  });
}

Deno.test("formatAddress() puts IPv6 addresses into brackets, once", () => {
  assertEquals(formatAddress({ hostname: "::1", port: 1 }), "[::1]:1");
  assertEquals(formatAddress({ hostname: "[::1]", port: 1 }), "[::1]:1");
  assertEquals(formatAddress({ hostname: "localhost", port: 1 }), "localhost:1");
});
