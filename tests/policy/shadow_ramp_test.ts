/** Ramps: a ratio that rises with time, across reloads. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import { rampValue } from "../../src/policy/shadow_gate.ts";
import { recordingTransport } from "../_support/transports.ts";

const MINUTE_MS = 60_000;

/** Creates a conductor with its own clock, whose configuration can be replaced. */
function scene() {
  const instance = createSharedState();
  let nowMs = 5_000;
  let mirrored = 0;
  const handlerFor = (shadow: Partial<ServiceInput>) => {
    const services = [
      { name: "main", url: "http://main" },
      { name: "copy", url: "http://localhost", shadow: true, ...shadow },
    ];
    return createHandler(validateConfig({ services }).config, {
      instance,
      now: () => nowMs,
      transport: recordingTransport(),
      observe: (event) => void (event.type === "attempted" && event.role === "shadow" && mirrored++),
    });
  };
  let handle = handlerFor({});
  return {
    /** Prepares a configuration without using it, like a reload that fails later. */
    prepare: (shadow: Partial<ServiceInput>) => void handlerFor(shadow),
    load: (shadow: Partial<ServiceInput>) => void (handle = handlerFor(shadow)),
    wait: (ms: number) => void (nowMs += ms),
    /** Sends 100 requests, and returns the number of shadow requests. */
    async count(headersOf: (index: number) => HeadersInit = () => ({})): Promise<number> {
      mirrored = 0;
      for (let index = 0; index < 100; index++) {
        await handle(new Request("http://h/", { headers: headersOf(index) }));
      }
      return mirrored;
    },
  };
}

Deno.test("rampValue() rises evenly, and stays at the end of the ramp", () => {
  const ramp = { from: 0.1, to: 0.5, overMs: 1_000, startedMs: 2_000 };
  const shares = [0, 2_000, 2_500, 3_000, 9_000].map((nowMs) => rampValue(ramp, nowMs));
  for (const [index, expected] of [0.1, 0.1, 0.3, 0.5, 0.5].entries()) assertAlmostEquals(shares[index]!, expected);
});

Deno.test("a ramp starts with the configuration, not with the first request", async () => {
  const { load, wait, count } = scene();
  load({ ramp: { over: "10m" } });
  wait(MINUTE_MS);
  assertAlmostEquals(await count(), 10, 1);
  assertAlmostEquals(await count(), 10, 1);
  wait(4 * MINUTE_MS);
  assertAlmostEquals(await count(), 50, 1);
  wait(60 * MINUTE_MS);
  assertEquals(await count(), 100);
});

Deno.test("a reload continues an unchanged ramp, and restarts a changed one", async () => {
  const { load, prepare, wait, count } = scene();
  const ramp = { from: 0, to: "100%", over: "10m" } as const;
  load({ ramp });
  assertAlmostEquals(await count(), 0, 1);
  wait(5 * MINUTE_MS);
  load({ ramp, timeout: 7 });
  assertAlmostEquals(await count(), 50, 1);
  prepare({ ramp: { over: "1h" } });
  assertAlmostEquals(await count(), 50, 1);
  load({ ramp: { ...ramp, over: "20m" } });
  assertAlmostEquals(await count(), 0, 1);
  wait(5 * MINUTE_MS);
  assertAlmostEquals(await count(), 25, 1);
});

Deno.test("a ramp that was removed from the configuration starts from the beginning when it returns", async () => {
  const { load, wait, count } = scene();
  load({ ramp: { over: "10m" } });
  await count();
  wait(5 * MINUTE_MS);
  load({ sample: 0.2 });
  assertAlmostEquals(await count(), 20, 1);
  load({ ramp: { over: "10m" } });
  assertAlmostEquals(await count(), 0, 1);
});

Deno.test("a client that a ramp has reached stays in the sample", async () => {
  const { load, wait, count } = scene();
  load({ sample: { by: "header:x-user" }, ramp: { to: "50%", over: "10m" } });
  const users = ["ada", "bob", "eve", "joe", "kim", "lee", "max", "pat"];
  let inside: string[] = [];
  for (let minute = 0; minute <= 10; minute++) {
    const next: string[] = [];
    for (const user of users) if (await count(() => ({ "x-user": user })) === 100) next.push(user);
    assert(inside.every((user) => next.includes(user)), `${inside} → ${next}`);
    if (minute === 0) assertEquals(next, []);
    inside = next;
    wait(MINUTE_MS);
  }
  assert(inside.length > 0 && inside.length < users.length);
});
