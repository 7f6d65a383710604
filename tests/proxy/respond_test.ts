import { assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput } from "@zeek/conductor";
import type { Member, Role } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { Outcome } from "../../src/upstream/attempt.ts";
import { serverTiming } from "../../src/proxy/respond.ts";
import { refusingUrl, startBackend, startConductor } from "../_support/servers.ts";

const OK: Outcome = { ok: true, success: true, response: { status: 200, headers: [], body: null } };
const TIMEOUT: Outcome = { ok: false, kind: "timeout" };

interface Part {
  readonly name?: string;
  readonly role: Role;
  readonly outcome?: Outcome | "not sent";
}

function timing(parts: readonly Part[], identify = true): string {
  const services = parts.map(({ name = "a", role }) => ({ name, url: "http://a", [role]: true }));
  const [route] = validateConfig({ services: services.map(({ secondary: _, ...service }) => service) }).config.routes;
  const members: readonly Member[] = route?.members ?? [];
  const attempts = members.flatMap((member, at) => {
    const outcome = parts[at]?.outcome;
    return outcome === "not sent" ? [] : [{ ...member, outcome, settledOrder: 0, durationMs: 40.149 }];
  });
  return serverTiming(members, attempts, { identify, totalMs: 41 });
}

// Columns: the services; the value of the field.
const ROUTES: readonly (readonly [parts: readonly Part[], value: string])[] = [
  [[{ role: "primary", outcome: OK }], `a;dur=40.1;desc="primary 200", total;dur=41`],
  [
    [{ name: "blue", role: "primary", outcome: OK }, { name: "green", role: "secondary", outcome: TIMEOUT }],
    `blue;dur=40.1;desc="primary 200", green;dur=40.1;desc="secondary timeout", total;dur=41`,
  ],
  [
    [{ name: "b", role: "primary", outcome: OK }, { name: "s", role: "shadow" }],
    `b;dur=40.1;desc="primary 200", s;desc="shadow pending", total;dur=41`,
  ],
  [
    [{ name: "b", role: "primary", outcome: OK }, { name: "s", role: "shadow", outcome: "not sent" }],
    `b;dur=40.1;desc="primary 200", s;desc="shadow not sent", total;dur=41`,
  ],
  [
    [{ name: `a b";x\\,=`, role: "primary", outcome: OK }],
    `a_b__x___;dur=40.1;desc="a b\\";x\\\\,=: primary 200", total;dur=41`,
  ],
];

for (const [parts, value] of ROUTES) {
  Deno.test(`serverTiming() writes ${value}`, () => {
    assertEquals(timing(parts), value);
  });
}

Deno.test("serverTiming() uses roles instead of names without identify", () => {
  const parts: readonly Part[] = [
    { name: "secret-1", role: "primary", outcome: OK },
    { name: "secret-2", role: "secondary", outcome: OK },
    { name: "secret-3", role: "secondary", outcome: TIMEOUT },
    { name: "secret-4", role: "shadow" },
  ];
  assertEquals(
    timing(parts, false),
    `primary;dur=40.1;desc="primary 200", secondary;dur=40.1;desc="secondary 200", ` +
      `secondary-2;dur=40.1;desc="secondary timeout", shadow;desc="shadow pending", total;dur=41`,
  );
});

async function timingOf(config: Omit<ConfigInput, "services">, urls: readonly string[], init: RequestInit = {}) {
  const services = urls.map((url, at) => ({ name: `s${at}`, url }));
  await using front = startConductor({ services, ...config });
  const response = await fetch(front.url, init);
  await response.body?.cancel();
  return response.headers.get("server-timing");
}

Deno.test("Server-Timing is not sent by default", async () => {
  await using backend = startBackend();
  assertEquals(await timingOf({}, [backend.url]), null);
});

Deno.test("Server-Timing has an entry for each service after the service's own entries", async () => {
  await using backend = startBackend(() => new Response("ok", { headers: { "server-timing": "db;dur=5" } }));
  assertMatch(
    await timingOf({ serverTiming: true }, [backend.url, refusingUrl()]) ?? "",
    /^db;dur=5, s0;dur=[\d.]+;desc="primary 200", s1;dur=[\d.]+;desc="secondary refused", total;dur=[\d.]+$/,
  );
});

Deno.test("Server-Timing of a response to HEAD has no names with identify: false", async () => {
  await using backend = startBackend();
  assertMatch(
    await timingOf({ serverTiming: true, identify: false }, [backend.url, refusingUrl()], { method: "HEAD" }) ?? "",
    /^primary;dur=[\d.]+;desc="primary 200", secondary;dur=[\d.]+;desc="secondary refused", total;dur=[\d.]+$/,
  );
});

Deno.test("Server-Timing contains each failure if every service failed", async () => {
  assertMatch(
    await timingOf({ serverTiming: true }, [refusingUrl(), refusingUrl()]) ?? "",
    /^s0;dur=[\d.]+;desc="primary refused", s1;dur=[\d.]+;desc="secondary refused", total;dur=[\d.]+$/,
  );
});
