/** Patterns in the configuration with exponential backtracking, and responses that trigger it. */

import { assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { ATTACK_MS, type AttackReport, attackTest, underAttack } from "../_support/attack.ts";
import { startBackend } from "../_support/servers.ts";

/**
 * With backtracking, the first never ends on 40 characters, the second and the last on 60. The third needs seconds for
 * 8 KiB.
 */
const NORMALISE = ["(a|a)*$", "(\\w|\\d)+=", ".*.*=.*", "(?:a+)+b"].map((pattern) => ({ pattern }));
/** Time in milliseconds after which a server without response is killed. */
const WATCHDOG_MS = ATTACK_MS + 20_000;
const MAX_EXIT_MS = 5_000;

interface Scene {
  /** Responses by path. `last` makes the responses of two services differ. */
  readonly responses: Readonly<Record<string, (last: string) => Response>>;
  readonly compare?: object;
  /** Checks the reported mismatches and metrics. */
  inspect(mismatches: string, metrics: string): void;
}

async function attack({ responses, compare, inspect }: Scene): Promise<AttackReport> {
  const startService = (last: string) =>
    startBackend(({ url }) => responses[new URL(url).pathname]?.(last) ?? new Response("ok"));
  await using main = startService("!");
  await using next = startService("?");
  const services = [
    { name: "main", url: main.url, primary: true },
    { name: "next", url: next.url, shadow: true },
  ];
  const report = await underAttack(
    async ({ url, process }, signal) => {
      const watchdog = setTimeout(() => process.kill("SIGKILL"), WATCHDOG_MS);
      const sendRequests = async () => {
        while (!signal.aborted) {
          for (const path of Object.keys(responses)) await (await fetch(new URL(path, url))).body?.cancel();
        }
      };
      await Promise.all([sendRequests(), sendRequests()]);
      clearTimeout(watchdog);
    },
    {
      services,
      config: { compare: { noise: "off", normalise: NORMALISE, ...compare } },
      async afterwards({ process, adminUrl }) {
        const headers = { accept: "text/plain" };
        const textOf = async (path: string) => await (await fetch(new URL(path, adminUrl), { headers })).text();
        inspect(await textOf("api/mismatches"), await textOf("metrics"));
        const startMs = performance.now();
        process.kill("SIGTERM");
        assertEquals(await process.exited, 0);
        assertLess(performance.now() - startMs, MAX_EXIT_MS);
      },
    },
  );
  assertEquals(report.failures, 0);
  return report;
}

attackTest({
  name: "patterns with exponential backtracking on 60 characters do not stop the server",
  async fn() {
    const text = "a".repeat(60);
    const report = await attack({
      responses: {
        "/text": (last) => new Response(text + last),
        "/json": (last) => Response.json({ items: [{ name: text + last }] }),
        "/header": (last) => new Response("ok", { headers: { location: text + last } }),
        "/form": (last) => new Response(new URLSearchParams({ name: text + last })),
      },
      inspect(mismatches) {
        for (const path of ["body", "$.items[*].name", "header:location", "form:name"]) {
          assertStringIncludes(mismatches, JSON.stringify(path));
        }
      },
    });
    assertLess(report.attacked.p50Ms, 100);
    assertLess(report.attacked.maxMs, 1_000);
  },
});

attackTest({
  name: "a text of 1 MiB that needs too many steps is not comparable, and other clients are served",
  async fn() {
    const text = "a".repeat(1_048_576);
    const report = await attack({
      responses: { "/text": (last) => new Response(text + last) },
      compare: { maxBody: "2MiB" },
      inspect: (_, metrics) => assertMatch(metrics, /^conductor_not_comparable_total\{[^}]*reason="costly"\} [1-9]/m),
    });
    assertLess(report.attacked.p50Ms, 750);
    assertLess(report.attacked.maxMs, 3_000);
    assertLess(report.growthMiB, 400);
  },
});
