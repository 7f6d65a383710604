import { assertEquals, assertThrows } from "@std/assert";
import { validateConfig } from "../../src/config/validate.ts";

const API = { name: "api", url: "http://127.0.0.1:1" };

function upgradeOf(upgrade: unknown) {
  return validateConfig({ services: [{ ...API, upgrade }] }).config.services[0]!.upgrade;
}

function problemOf(service: object): string {
  return assertThrows(() => validateConfig({ services: [{ ...API, ...service }] }), Error).message;
}

Deno.test("`upgrade` is a switch, a protocol or a list of protocols", () => {
  for (
    const [written, expected] of [
      [true, "any"],
      ["yes", "any"],
      [false, undefined],
      [undefined, undefined],
      ["WebSocket", ["websocket"]],
      [["websocket", "MQTT/5"], ["websocket", "mqtt/5"]],
    ] as const
  ) assertEquals(upgradeOf(written), expected, String(written));
});

Deno.test("`upgrade` rejects other values, and protocols that carry requests", () => {
  const need = 'must be true, false or protocol names, like "websocket"';
  for (
    const [written, message] of [
      ["web socket", `services[0].upgrade: ${need}: found "web socket"`],
      [7, `services[0].upgrade: ${need}: found 7`],
      [["websocket", 7], `services[0].upgrade[1]: ${need}: found 7`],
      [[], "services[0].upgrade: must have at least one protocol: found an empty list"],
      ["h2c", "services[0].upgrade: cannot be HTTP or TLS: requests inside would bypass the routes and limits"],
      [["HTTP/2.0"], "services[0].upgrade[0]: cannot be HTTP or TLS"],
      ["TLS/1.3", "services[0].upgrade: cannot be HTTP or TLS"],
    ] as const
  ) assertEquals(problemOf({ upgrade: written }).includes(message), true, problemOf({ upgrade: written }));
});

Deno.test("`upgrade` cannot be combined with HTTP/2, nor with a shadow without bodies", () => {
  assertEquals(problemOf({ upgrade: true, http2: true }).includes("upgrade: cannot be combined with `http2`"), true);
  const { message } = assertThrows(
    () => validateConfig({ services: [API, { ...API, name: "b", shadow: true, body: false, upgrade: true }] }),
    Error,
  );
  assertEquals(message.includes("services[1].upgrade: cannot be combined with `body: false`"), true, message);
});

Deno.test("`maxTunnels` is half of `maxInFlight` by default", () => {
  assertEquals(validateConfig({ limits: { maxInFlight: 9 }, services: [API] }).config.limits.maxTunnels, 5);
});

Deno.test("a service with `upgrade` selects the node listener", () => {
  const { config } = validateConfig({ services: [{ ...API, upgrade: true }] });
  assertEquals(config.listener.kind, "node");
});
