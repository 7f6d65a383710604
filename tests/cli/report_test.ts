/** `conductor report`, with a real admin server. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { ComparisonStats } from "../../src/compare/comparison_stats.ts";
import { respondReport } from "../../src/compare/admin_responses.ts";
import type { StatsSnapshot } from "../../src/compare/stats_snapshot.ts";
import { runCli } from "../_support/cli_process.ts";
import { comparison } from "../_support/comparisons.ts";
import { type Backend, startBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

/** Snapshot of 100 comparisons with one mismatch. */
function snapshot(): StatsSnapshot {
  const stats = new ComparisonStats();
  for (let n = 0; n < 100; n++) {
    stats.add(comparison(n === 0 ? ["$.price"] : []), { endpoint: "GET /users/{id}", samples: "values" });
  }
  return stats.snapshot();
}

function startAdmin(stats: StatsSnapshot | undefined = snapshot()): Backend {
  return startBackend((request) => {
    const { pathname } = new URL(request.url);
    return pathname.endsWith("/api/report") ? respondReport(request, stats) : new Response("not here", { status: 404 });
  });
}

async function report(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = createTestIo();
  const code = await runCommandLine(["report", ...args], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

Deno.test("report exits with 0 for ready, 1 for not ready and 3 for not enough traffic", async () => {
  await using admin = await startAdmin();
  const ready = await report(["--admin", admin.url, "--min-requests", "100", "--max-mismatch", "1%"]);
  assertEquals([ready.code, ready.stderr], [0, ""]);
  assertMatch(ready.stdout, /^ready: since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, 100 comparisons, 99 % match\n/);
  const notReady = await report(["--admin", admin.url, "--min-requests", "100"]);
  assertEquals(notReady.code, 1);
  assertStringIncludes(notReady.stdout, "! 1 % of the comparisons are mismatches (limit 0.1 %)");
  const tooFew = await report(["--admin", admin.url]);
  assertEquals(tooFew.code, 3);
  assertMatch(tooFew.stdout, /^not enough traffic: /);
});

Deno.test("report --wait asks again until there is a verdict, and not after the time has passed", async () => {
  let asked = 0;
  await using admin = startBackend((request) => {
    asked++;
    return respondReport(request, snapshot());
  });
  const wait = ["--admin", admin.url, "--wait", "1s"];
  assertEquals((await report([...wait, "--min-requests", "100"])).code, 1);
  assertEquals(asked, 1);
  assertEquals((await report(wait)).code, 3);
  assertEquals(asked, 3);
});

Deno.test("report --since asks for later comparisons only", async () => {
  await using admin = startAdmin();
  assertEquals((await report(["--admin", admin.url, "--since", "10m"])).code, 3);
  assertEquals(admin.seen[0]!.target, "/api/report?since=10m");
  const invalid = await report(["--admin", admin.url, "--since", "yesterday"]);
  assertEquals(invalid.code, 2);
  assertStringIncludes(invalid.stderr, "`--since` must be a time such as");
});

Deno.test("report prints JSON and Markdown", async () => {
  await using admin = await startAdmin();
  const json = await report(["--admin", admin.url, "--format", "json", "--min-requests=100"]);
  const { verdict, compared, matchRate, mismatches } = JSON.parse(json.stdout);
  assertEquals([json.code, verdict, compared, matchRate], [1, "not-ready", 100, 0.99]);
  assertEquals(mismatches[0].path, "$.price");
  const markdown = await report(["--admin", admin.url, "--format", "markdown"]);
  assertMatch(markdown.stdout, /^### not enough traffic: since .* UTC, 100 comparisons/);
});

Deno.test("report sends all thresholds, and nothing else, to a path below that of the admin URL", async () => {
  await using admin = await startAdmin();
  const thresholds = ["--min-requests=7", "--max-mismatch=2%", "--max-latency-ratio=9.5", "--max-errors=0.5"];
  const { code } = await report(["--admin", `${admin.url}/below/?x=1#y`, ...thresholds]);
  assertEquals(code, 0);
  const query = "minRequests=7&maxMismatch=2%25&maxLatencyRatio=9.5&maxErrors=0.5";
  assertEquals(admin.seen.map(({ target }) => target), [`/below/api/report?${query}`]);
  assertEquals(admin.seen[0]!.headers.get("authorization"), null);
});

Deno.test("report sends the token of a file, and never to the target of a redirect", async () => {
  await using elsewhere = await startAdmin();
  await using admin = startBackend(() => Response.redirect(elsewhere.url));
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "a-token-of-some-length\n");
    const { code, stderr } = await report(["--admin", admin.url, "--token-file", file]);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "the status is 302");
    assertEquals(admin.seen[0]!.headers.get("authorization"), "Bearer a-token-of-some-length");
    assertEquals(elsewhere.seen, []);
    await Deno.writeTextFile(file, "two words\n");
    assertMatch(
      (await report(["--admin", admin.url, "--token-file", file])).stderr,
      /the file must contain one token without spaces\n$/,
    );
  } finally {
    await Deno.remove(file);
  }
  const { code, stderr } = await report(["--admin", admin.url, "--token-file", file]);
  assertEquals(code, 4);
  assertMatch(stderr, /^error: Cannot read the token from ".*": no such file\n$/);
});

/** Columns: the admin listener; its response; the error message. */
const NO_REPORT: readonly (readonly [name: string, respond: () => Response, message: RegExp])[] = [
  [
    "requires a token",
    () => new Response("no", { status: 401 }),
    /^error: Cannot get a report from \S+: the admin listener requires a token; use --token-file FILE\n$/,
  ],
  [
    "compares nothing",
    () => respondReport(new Request("http://x/api/report"), undefined),
    /the status is 404: Comparison is off: the configuration has no "compare"\n$/,
  ],
  ["fails", () => new Response("oh", { status: 500 }), /the status is 500\n$/],
  ["is another server", () => new Response("<html>"), /is not conductor's admin listener\n$/],
  ["sends other JSON", () => Response.json({ verdict: "ready" }), /is not conductor's admin listener\n$/],
  [
    "sends terminal escapes",
    () => Response.json({ detail: "\u001b[31mred" }, { status: 400 }),
    /the status is 400: \\x1b\[31mred\n$/,
  ],
];

for (const [name, respond, message] of NO_REPORT) {
  Deno.test(`report exits with 4 if the admin listener ${name}`, async () => {
    await using admin = startBackend(respond);
    const { code, stdout, stderr } = await report(["--admin", admin.url]);
    assertEquals([code, stdout], [4, ""]);
    assertMatch(stderr, message);
  });
}

Deno.test("report exits with 4 if the connection is refused", async () => {
  const { port } = await (async () => {
    await using admin = await startAdmin();
    return { port: admin.port };
  })();
  const { code, stderr } = await report(["--admin", `127.0.0.1:${port}`]);
  assertEquals(code, 4);
  assertMatch(stderr, /^error: Cannot reach the admin listener at http:\/\/127\.0\.0\.1:\d+: .*refused/i);
});

/** Columns: the arguments; the error message. */
const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
  [[], "`report` needs the admin listener: --admin URL"],
  [
    ["--admin", "ftp://x"],
    '`--admin` must be an http or https URL without credentials, such as http://127.0.0.1:9090: found "ftp://x"',
  ],
  [["--admin", "http://user:secret@x"], "must be an http or https URL without credentials"],
  [
    ["--admin", "x", "--format", "jsn"],
    '`--format` must be "text", "json" or "markdown": found "jsn"; did you mean "json"?',
  ],
  [["--admin", "x", "--min-requests", "many"], '`--min-requests` must be a whole number: found "many"'],
  [
    ["--admin", "x", "--max-mismatch", "200%"],
    '`--max-mismatch` must be a ratio from 0 to 1, or a percentage such as "0.1%": found "200%"',
  ],
  [["--admin", "x", "--port", "1"], "`report` has no flag `--port`"],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`report exits with 2 for: report ${args.join(" ")}`, async () => {
    const { code, stderr } = await report(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("report as a process needs --allow-net only, and exits with the code of the verdict", async () => {
  await using admin = await startAdmin();
  const { code, stdout, stderr } = await runCli(["report", "--admin", admin.url], { permissions: ["--allow-net"] });
  assertEquals([code, stderr], [3, ""]);
  assertMatch(stdout, /^not enough traffic: since .* UTC, 100 comparisons, 99 % match\n/);
});
