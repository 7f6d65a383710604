/** A share that rises with time, whatever happens to the configuration meanwhile. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createSharedState } from "../../src/policy/shared_state.ts";
import { rampValue } from "../../src/policy/ramp.ts";
import { answerAll } from "../_support/answer_all.ts";

const MINUTE_MS = 60_000;

/** A conductor with a clock of its own, whose configuration can be replaced. */
function scene() {
  const instance = createSharedState();
  let nowMs = 5_000;
  let copied = 0;
  const handlerFor = (shadow: Partial<ServiceInput>) => {
    const services = [
      { name: "main", url: "http://main" },
      { name: "copy", url: "http://localhost", shadow: true, ...shadow },
    ];
    return createHandler(validateConfig({ services }).config, {
      instance,
      now: () => nowMs,
      transport: answerAll(),
      observe: (event) => void (event.type === "attempted" && event.role === "shadow" && copied++),
    });
  };
  let handle = handlerFor({});
  return {
    /** Prepares a configuration as a reload does that fails afterwards. */
    prepare: (shadow: Partial<ServiceInput>) => void handlerFor(shadow),
    load: (shadow: Partial<ServiceInput>) => void (handle = handlerFor(shadow)),
    wait: (ms: number) => void (nowMs += ms),
    /** How many of the next 100 requests are copied. */
    async share(headersOf: (index: number) => HeadersInit = () => ({})): Promise<number> {
      copied = 0;
      for (let index = 0; index < 100; index++) {
        await handle(new Request("http://h/", { headers: headersOf(index) }));
      }
      return copied;
    },
  };
}

Deno.test("shareAt() rises evenly, and stays where the ramp ends", () => {
  const ramp = { from: 0.1, to: 0.5, overMs: 1_000, startedMs: 2_000 };
  const shares = [0, 2_000, 2_500, 3_000, 9_000].map((nowMs) => rampValue(ramp, nowMs));
  for (const [index, expected] of [0.1, 0.1, 0.3, 0.5, 0.5].entries()) assertAlmostEquals(shares[index]!, expected);
});

Deno.test("a ramp raises the share from the moment the configuration is there, requests or not", async () => {
  const { load, wait, share } = scene();
  load({ ramp: { over: "10m" } });
  wait(MINUTE_MS);
  assertAlmostEquals(await share(), 10, 1);
  assertAlmostEquals(await share(), 10, 1);
  wait(4 * MINUTE_MS);
  assertAlmostEquals(await share(), 50, 1);
  wait(60 * MINUTE_MS);
  assertEquals(await share(), 100);
});

Deno.test("a reload leaves a ramp alone that it does not change, and begins one that it does", async () => {
  const { load, prepare, wait, share } = scene();
  const ramp = { from: 0, to: "100%", over: "10m" };
  load({ ramp });
  assertAlmostEquals(await share(), 0, 1);
  wait(5 * MINUTE_MS);
  load({ ramp, timeout: 7 });
  assertAlmostEquals(await share(), 50, 1);
  prepare({ ramp: { over: "1h" } });
  assertAlmostEquals(await share(), 50, 1);
  load({ ramp: { ...ramp, over: "20m" } });
  assertAlmostEquals(await share(), 0, 1);
  wait(5 * MINUTE_MS);
  assertAlmostEquals(await share(), 25, 1);
});

Deno.test("a ramp that was taken out of the configuration begins anew when it comes back", async () => {
  const { load, wait, share } = scene();
  load({ ramp: { over: "10m" } });
  await share();
  wait(5 * MINUTE_MS);
  load({ sample: 0.2 });
  assertAlmostEquals(await share(), 20, 1);
  load({ ramp: { over: "10m" } });
  assertAlmostEquals(await share(), 0, 1);
});

Deno.test("a client that a ramp has let in stays in", async () => {
  const { load, wait, share } = scene();
  load({ sample: { by: "header:x-user" }, ramp: { to: "50%", over: "10m" } });
  const users = ["ada", "bob", "eve", "joe", "kim", "lee", "max", "pat"];
  let inside: string[] = [];
  for (let minute = 0; minute <= 10; minute++) {
    const next: string[] = [];
    for (const user of users) if (await share(() => ({ "x-user": user })) === 100) next.push(user);
    assert(inside.every((user) => next.includes(user)), `${inside} → ${next}`);
    if (minute === 0) assertEquals(next, []);
    inside = next;
    wait(MINUTE_MS);
  }
  assert(inside.length > 0 && inside.length < users.length);
});
