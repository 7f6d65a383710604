import { assertEquals } from "@std/assert";
import type { HeaderLine } from "../../src/config/config.ts";
import { permittedProtocols, requestedProtocols, selectedProtocol } from "../../src/http/upgrade.ts";

Deno.test("requestedProtocols() needs the option upgrade in Connection", () => {
  assertEquals(requestedProtocols([["Connection", "keep-alive, Upgrade"], ["Upgrade", "a/1, WebSocket"]]), [
    "a/1",
    "WebSocket",
  ]);
  assertEquals(requestedProtocols([["upgrade", "websocket"]]), []);
  assertEquals(requestedProtocols([["connection", "upgrade"]]), []);
});

Deno.test("permittedProtocols() never permits a protocol that carries requests", () => {
  for (const protocol of ["h2c", "H2C", "h2", "HTTP/2.0", "http", "TLS/1.2"]) {
    assertEquals(permittedProtocols([protocol], "any"), undefined, protocol);
  }
  assertEquals(permittedProtocols(["h2c", "websocket"], "any"), ["websocket"]);
  assertEquals(permittedProtocols(["h2c-like", "httpish"], "any"), ["h2c-like", "httpish"]);
});

Deno.test("permittedProtocols() matches names in any case, and versions only if the policy has them", () => {
  assertEquals(permittedProtocols(["WebSocket", "mqtt/5"], ["websocket", "mqtt"]), ["WebSocket", "mqtt/5"]);
  assertEquals(permittedProtocols(["mqtt/5", "mqtt/4"], ["mqtt/4"]), ["mqtt/4"]);
  assertEquals(permittedProtocols(["websocket"], undefined), undefined);
  assertEquals(permittedProtocols(undefined, "any"), undefined);
});

Deno.test("selectedProtocol() rejects a 101 response that switches to a protocol that was not offered", () => {
  const head = (upgrade: string, connection = "Upgrade"): HeaderLine[] => [["Connection", connection], [
    "Upgrade",
    upgrade,
  ]];
  assertEquals(selectedProtocol(head("WebSocket"), ["websocket"]), "WebSocket");
  assertEquals(selectedProtocol(head("websocket, mqtt"), ["websocket"]), undefined);
  assertEquals(selectedProtocol(head("h2c"), ["websocket"]), undefined);
  assertEquals(selectedProtocol(head(""), ["websocket"]), undefined);
  assertEquals(selectedProtocol(head("websocket", "close"), ["websocket"]), undefined);
  assertEquals(selectedProtocol([["Connection", "upgrade"]], ["websocket"]), undefined);
});
