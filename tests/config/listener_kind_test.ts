import { assertEquals, assertThrows } from "@std/assert";

import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig } from "../../src/config/validate.ts";

const services = [{ name: "a", url: "http://localhost:8081" }];

/** Each row: fields of the configuration, the listener that is selected, and the reason. */
const CHOICES: [fields: Record<string, unknown>, kind: string, reason: string][] = [
  [{}, "deno", "no field needs the node listener"],
  [{ limits: { maxInFlight: 10 } }, "deno", "no field needs the node listener"],
  [{ listener: "deno" }, "deno", "`listener: deno`"],
  [{ listener: "node" }, "node", "`listener: node`"],
  [{ clientTimeouts: {} }, "node", "needed by `clientTimeouts`"],
  [{ clientTimeouts: { idle: "5s" } }, "node", "needed by `clientTimeouts`"],
  [{ limits: { maxConnections: 10 } }, "node", "needed by `limits.maxConnections`"],
  [
    { clientTimeouts: {}, limits: { maxConnectionsPerClient: 10 } },
    "node",
    "needed by `clientTimeouts`, `limits.maxConnectionsPerClient`",
  ],
];

for (const [fields, kind, reason] of CHOICES) {
  Deno.test(`validateConfig() selects the listener ${kind} for ${JSON.stringify(fields)}`, () => {
    assertEquals(validateConfig({ ...fields, services }).config.listener, { kind, reason } as never);
  });
}

Deno.test("validateConfig() rejects fields that the listener of the configuration does not apply", () => {
  const error = assertThrows(
    () => validateConfig({ listener: "deno", clientTimeouts: {}, limits: { maxConnections: 1 }, services }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ path, message }) => `${path} ${message}`), [
    "listener cannot be `deno` with `clientTimeouts`: only the node listener applies it",
    "listener cannot be `deno` with `limits.maxConnections`: only the node listener applies it",
  ]);
});
