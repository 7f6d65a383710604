import { assertEquals } from "@std/assert";

import { listenForStop } from "../../src/server/signals.ts";

Deno.test({
  name: "listenForStop() receives SIGTERM",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const signals = listenForStop();
    // A signal listener alone does not keep the process alive.
    const timer = setInterval(() => {}, 1_000);
    Deno.kill(Deno.pid, "SIGTERM");
    assertEquals(await signals.next(), "SIGTERM");
    signals.close();
    clearInterval(timer);
  },
});
