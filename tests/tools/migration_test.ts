/** The migration example as real processes, with the traffic of `examples/migration/`. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sendTraffic } from "../../examples/migration/traffic.ts";
import type { Report } from "../../src/compare/report.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { startChild } from "../_support/child.ts";
import { runCli, startCli, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

const EXAMPLES = "examples/migration";
/**
 * Enough comparisons to distinguish a wrong status for one product of six from chance, with a tenth as many noise
 * samples.
 */
const ENOUGH = 2_000;
/** Both versions do the same work, but on a busy machine, their latencies differ by chance. */
const ANY_LATENCY = ["--max-latency-ratio", "1000000"];
/** Enough connections to reach both workers, with an error probability of 10⁻¹⁵. */
const MANY = 50;

/** Fields of the three regressions. A renamed field is one missing and one unexpected field. */
const REGRESSIONS = [
  "GET /carts/{id} $.total",
  "GET /products $.items[*].unitPrice",
  "GET /products $.items[*].unit_price",
  "GET /products/{id} status",
];

/** Fields that always differ. No rule ignores them. */
const NOISE = [
  "GET /carts/{id} $.requestId (same form)",
  "GET /carts/{id} $.time (same form)",
  "GET /products $.requestId (same form)",
  "GET /products $.time (same form)",
  "GET /products/{id} $.requestId (same form)",
  "GET /products/{id} $.tags[*] (same form)",
  "GET /products/{id} $.time (same form)",
];

interface Migration extends AsyncDisposable {
  /** Origin for clients. */
  readonly url: string;
  /** Returns the output of `conductor report`. */
  report(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Starts a fixed v2 next to the old one, and replaces the old one in conductor's configuration. */
  replaceV2(): Promise<void>;
  /** Sends traffic until there are enough comparisons, and returns the report. */
  compareEnough(): Promise<{ code: number; report: Report }>;
}

/** Starts both versions of the shop, and conductor with the configuration of the example and `flags`. */
async function startMigration(...flags: readonly string[]): Promise<Migration> {
  await using started = new AsyncDisposableStack();
  const startShop = async (of: AsyncDisposableStack, file: string, ...args: readonly string[]) => {
    const shop = of.use(
      startChild(Deno.execPath(), { args: ["run", "--allow-net", `${EXAMPLES}/${file}`, ...args] }),
    );
    const [url] = await shop.waitFor(/http:\S+/);
    return url;
  };
  const [v1, v2] = await Promise.all([
    startShop(started, "v1.ts", "0"),
    startShop(started, "v2.ts", "0"),
  ]);
  const text = await Deno.readTextFile(`${EXAMPLES}/config.yaml`);
  const config = started.use(
    await tempConfig(
      text.replace("port: 8080", "port: 0").replace("port: 9090", "port: 0")
        .replace("http://127.0.0.1:8081", v1).replace("http://127.0.0.1:8082", v2),
    ),
  );
  const child = started.use(startCli(["--config", config.path, "--host", "127.0.0.1", ...flags]));
  const [, url = "", admin = ""] = await child.stdout.seen(/"url":"(.*?)","admin":"(.*?)"/);
  const report: Migration["report"] = (...args) => {
    return runCli(["report", "--admin", admin, ...ANY_LATENCY, ...args], { permissions: ["--allow-net"] });
  };
  const all = started.move();
  return {
    url,
    report,
    async replaceV2() {
      const mended = await startShop(all, "v2.ts", "0", "--fixed");
      const before = await Deno.readTextFile(config.path);
      await Deno.writeTextFile(config.path, before.replace(v2, mended));
      child.kill("SIGHUP");
      await child.stdout.seen(/configuration reloaded/);
    },
    async compareEnough() {
      // Shadow requests above the limit are skipped, but never so many that a second round is needed.
      for (let round = 0; round < 5; round++) {
        await sendTraffic(url, ENOUGH * 1.3);
        const { code, stdout } = await report("--format", "json", "--min-requests", String(ENOUGH));
        if (code !== 3) return { code, report: JSON.parse(stdout) };
      }
      throw new Error(`Cannot get ${ENOUGH} comparisons`);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function fields(listed: readonly { readonly endpoint: string; readonly path: string }[]): string[] {
  return listed.map(({ endpoint, path }) => `${endpoint} ${path}`).sort();
}

Deno.test("migration: v2 is not ready with exactly its three regressions, and ready when a fixed one replaces it", async () => {
  await using migration = await startMigration();
  await sendTraffic(migration.url, 30);
  const early = await migration.report();
  assertEquals(early.code, 3);
  assertMatch(early.stdout, /^not enough traffic: /);

  const { code, report } = await migration.compareEnough();
  assertEquals(fields(report.mismatches), REGRESSIONS);
  assertEquals(fields(report.noise), NOISE);
  assertEquals([report.undecided, report.dropped], [[], 0]);
  assertEquals([code, report.verdict], [1, "not-ready"]);
  const samples = new Map(report.mismatches.map(({ path, samples: [sample] }) => [path, sample]));
  assertEquals([samples.get("status")?.expected, samples.get("status")?.actual], ["410", "404"]);
  assertEquals(samples.get("status")?.path, "/products/6");

  const { stdout, stderr, ...text } = await migration.report("--min-requests", String(ENOUGH));
  assertEquals([text.code, stderr], [1, ""]);
  assertMatch(stdout, /^not ready: since .* UTC, [\d,]+ comparisons, /);
  for (const path of ["status", "$.total", "$.items[*].unit_price", "$.items[*].unitPrice"]) {
    assertStringIncludes(stdout, `  ${path}\n`);
  }

  // Windows has no SIGHUP.
  if (Deno.build.os === "windows") return;
  await migration.replaceV2();
  const fixed = await migration.compareEnough();
  const { mismatches, undecided, matchRate } = fixed.report;
  assertEquals([mismatches, undecided, matchRate], [[], [], 1]);
  assertEquals([fixed.code, fixed.report.verdict], [0, "ready"]);
  assertEquals(fields(fixed.report.noise), NOISE);
});

Deno.test({
  name: "migration: with --workers, the regressions are found across all workers",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using migration = await startMigration("--workers", "2");
    const port = Number(new URL(migration.url).port);
    const request = "GET /products HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (let sent = 0; sent < MANY; sent++) await exchangeRaw(port, request);
    const { code, report } = await migration.compareEnough();
    assertEquals(fields(report.mismatches), REGRESSIONS);
    assertEquals(fields(report.noise), NOISE);
    assertEquals([code, report.verdict, report.services.length], [1, "not-ready", 1]);
  },
});

Deno.test("migration: the example's configuration has no errors and no warnings", async () => {
  const io = createTestIo();
  assertEquals(await runCommandLine(["check", "--config", `${EXAMPLES}/config.yaml`], io), 0);
  assertEquals(io.stderr.text, "");
});

Deno.test("migration: the tutorial contains the current configuration and report of the example", async () => {
  const page = await Deno.readTextFile("docs/tutorials/migrate-a-service.md");
  const part = (name: string) => page.split(`<!-- migration-${name}:start -->`)[1]!.split(`<!-- migration-`)[0]!;
  assertStringIncludes(part("config"), await Deno.readTextFile(`${EXAMPLES}/config.yaml`));
  const listed = [...part("before").split("Noise")[0]!.matchAll(/(GET \S+) +(\$\S+|status)$/gm)];
  assertEquals(listed.map(([, endpoint, path]) => `${endpoint} ${path}`).sort(), REGRESSIONS);
  assertMatch(part("before"), /^not ready: [^]*\nexit code 1\n/m);
  assertMatch(part("after"), /^ready: [^]*\nexit code 0\n/m);
});
