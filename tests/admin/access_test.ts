import { assert, assertEquals, assertNotMatch } from "@std/assert";

import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { sendRaw, startAdmin } from "../_support/test_admin.ts";

/** Configured hostname, header lines of a request with PORT for the port of the listener, and the expected status. */
const ORIGINS: [hostname: string, lines: readonly string[], status: number][] = [
  ["127.0.0.1", ["Host: 127.0.0.1:PORT"], 200],
  ["127.0.0.1", ["Host: localhost:PORT"], 200],
  ["127.0.0.1", ["Host: LOCALHOST:PORT"], 200],
  ["127.0.0.1", ["Host: [::1]:PORT"], 200],
  ["127.0.0.1", ["Host: evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: localhost.evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:1"], 403],
  ["127.0.0.1", ["Host: 10.0.0.1:PORT"], 403],
  ["127.0.0.1", ["Host: 0.0.0.0:PORT"], 403],
  ["0.0.0.0", ["Host: 999.1.1.1:PORT"], 403],
  ["0.0.0.0", ["Host: 08.1.1.1:PORT"], 403],
  ["0.0.0.0", ["Host: [1::2::3]:PORT"], 400],
  ["0.0.0.0", ["Host: [::ffff:10.0.0.1]:PORT"], 200],
  ["admin.internal", ["Host: admin.internal:PORT"], 200],
  ["admin.internal", ["Host: other.internal:PORT"], 403],
  ["::1", ["Host: [::1]:PORT"], 200],
  ["fd00:0::1", ["Host: [fd00::1]:PORT"], 200],
  ["0.0.0.0", ["Host: 10.0.0.1:PORT"], 200],
  ["::", ["Host: [fd00::1]:PORT"], 200],
  ["0.0.0.0", ["Host: evil.example:PORT"], 403],
  ["0.0.0.0", ["Host: 10.0.0.1.evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://localhost:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: https://127.0.0.1:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:1"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://evil.example"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: null"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-origin"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: none"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200],
];

for (const [hostname, lines, status] of ORIGINS) {
  Deno.test(`the admin listener at ${hostname} responds to ${lines.join(", ")} with ${status}`, async () => {
    await using admin = await startAdmin({ hostname });
    assertEquals(await sendRaw(admin, lines), status);
  });
}

Deno.test("the admin listener refuses a request without Host with 400, except for probes", async () => {
  await using admin = await startAdmin();
  assertEquals(await sendRaw(admin, [], "GET /api/state HTTP/1.0"), 400);
  assertEquals(await sendRaw(admin, [], "GET /healthz HTTP/1.0"), 200);
});

for (
  const [admin, message] of [
    [{ port: 1, hostname: "0.0.0.0" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, hostname: "10.1.2.3" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, hostname: "::" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, token: "short" }, "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes"],
    [
      { port: 1, token: "with spaces, and long" },
      "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes",
    ],
    [{ port: 8080 }, "admin.port: must differ from the `port` of the top level"],
    [{}, "admin.port: is required unless `hostname` is a Unix socket"],
  ] as const
) {
  Deno.test(`a configuration with admin ${JSON.stringify(admin)} is rejected: ${message}`, () => {
    const input = { admin, services: [{ name: "a", url: "http://localhost:1" }] };
    try {
      validateConfig(input);
    } catch (error) {
      assert(error instanceof ConfigError);
      assertEquals(error.message, message);
      assertNotMatch(error.message, /with spaces/);
      return;
    }
    throw new Error("not rejected");
  });
}

for (const hostname of ["127.0.0.1", "localhost", "::1", "127.8.8.8"]) {
  Deno.test(`a configuration with admin at ${hostname} needs no token`, () => {
    const { config } = validateConfig({
      admin: { port: 0, hostname },
      services: [{ name: "a", url: "http://localhost:1" }],
    });
    assertEquals(config.admin, { port: 0, hostname, shownHostname: hostname, socketMode: undefined, token: undefined });
  });
}
