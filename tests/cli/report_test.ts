/** `conductor report`, against a real server. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import { ComparisonStats } from "../../src/compare/comparison_stats.ts";
import { respondReport } from "../../src/compare/admin_responses.ts";
import type { StatsSnapshot } from "../../src/compare/stats_snapshot.ts";
import { runCli } from "../_support/cli_process.ts";
import { comparison } from "../_support/comparisons.ts";
import { type Backend, startBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

/** 100 comparisons, of which one differs. */
function snapshot(): StatsSnapshot {
  const tally = new ComparisonStats();
  for (let n = 0; n < 100; n++) {
    tally.add(comparison(n === 0 ? ["$.price"] : []), { endpoint: "GET /users/{id}", samples: "values" });
  }
  return tally.snapshot();
}

function startAdmin(counted: StatsSnapshot | undefined = snapshot()): Backend {
  return startBackend((request) => {
    const { pathname } = new URL(request.url);
    return pathname.endsWith("/api/report")
      ? respondReport(request, counted)
      : new Response("not here", { status: 404 });
  });
}

async function report(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = createTestIo();
  const code = await runCommandLine(["report", ...args], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

Deno.test("report exits with 0 for ready, 1 for not ready and 3 for not enough traffic", async () => {
  await using admin = startAdmin();
  const ready = await report(["--admin", admin.url, "--min-requests", "100", "--max-mismatch", "1%"]);
  assertEquals([ready.code, ready.stderr], [0, ""]);
  assertMatch(ready.stdout, /^ready: 100 comparisons, 99 % match\n/);
  const notReady = await report(["--admin", admin.url, "--min-requests", "100"]);
  assertEquals(notReady.code, 1);
  assertStringIncludes(notReady.stdout, "! 1 % of the comparisons are mismatches, more than 0.1 %");
  const tooFew = await report(["--admin", admin.url]);
  assertEquals(tooFew.code, 3);
  assertMatch(tooFew.stdout, /^not enough traffic: /);
});

Deno.test("report prints JSON that a program can read, and Markdown", async () => {
  await using admin = startAdmin();
  const json = await report(["--admin", admin.url, "--format", "json", "--min-requests=100"]);
  const { verdict, compared, matchRate, mismatches } = JSON.parse(json.stdout);
  assertEquals([json.code, verdict, compared, matchRate], [1, "not-ready", 100, 0.99]);
  assertEquals(mismatches[0].path, "$.price");
  const markdown = await report(["--admin", admin.url, "--format", "markdown"]);
  assertMatch(markdown.stdout, /^### not enough traffic: 100 comparisons/);
});

Deno.test("report passes all thresholds on, below the admin URL's own path, and nothing else", async () => {
  await using admin = startAdmin();
  const thresholds = ["--min-requests=7", "--max-mismatch=2%", "--max-latency-ratio=9.5", "--max-errors=0.5"];
  const { code } = await report(["--admin", `${admin.url}/below/?x=1#y`, ...thresholds]);
  assertEquals(code, 0);
  const query = "minRequests=7&maxMismatch=2%25&maxLatencyRatio=9.5&maxErrors=0.5";
  assertEquals(admin.seen.map(({ target }) => target), [`/below/api/report?${query}`]);
  assertEquals(admin.seen[0]!.headers.get("authorization"), null);
});

Deno.test("report sends the token of a file, and not to where a redirect leads", async () => {
  await using elsewhere = startAdmin();
  await using admin = startBackend(() => Response.redirect(elsewhere.url));
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "a-token-of-some-length\n");
    const { code, stderr } = await report(["--admin", admin.url, "--token-file", file]);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "has no report, it answers 302");
    assertEquals(admin.seen[0]!.headers.get("authorization"), "Bearer a-token-of-some-length");
    assertEquals(elsewhere.seen, []);
    await Deno.writeTextFile(file, "two words\n");
    assertMatch((await report(["--admin", admin.url, "--token-file", file])).stderr, /holds no token\n$/);
  } finally {
    await Deno.remove(file);
  }
  const { code, stderr } = await report(["--admin", admin.url, "--token-file", file]);
  assertEquals(code, 4);
  assertMatch(stderr, /^error: Cannot read the token from ".*": no such file\n$/);
});

/** What an admin listener may answer, and what is said of it; always with 4. */
const ANSWERS: readonly (readonly [what: string, answer: () => Response, message: RegExp])[] = [
  [
    "asks for a token",
    () => new Response("no", { status: 401 }),
    /^error: The admin listener at \S+ needs a token: give the file that holds it with --token-file\n$/,
  ],
  [
    "compares nothing",
    () => respondReport(new Request("http://x/api/report"), undefined),
    /has no report, it answers 404: Comparison is off: the configuration has no "compare"\n$/,
  ],
  ["breaks down", () => new Response("oh", { status: 500 }), /has no report, it answers 500\n$/],
  ["is another server", () => new Response("<html>"), /is not conductor's admin listener\n$/],
  ["answers other JSON", () => Response.json({ verdict: "ready" }), /is not conductor's admin listener\n$/],
  [
    "drives terminals",
    () => Response.json({ detail: "\u001b[31mred" }, { status: 400 }),
    /it answers 400: \\x1b\[31mred\n$/,
  ],
];

for (const [what, answer, message] of ANSWERS) {
  Deno.test(`report exits with 4 where the admin listener ${what}`, async () => {
    await using admin = startBackend(answer);
    const { code, stdout, stderr } = await report(["--admin", admin.url]);
    assertEquals([code, stdout], [4, ""]);
    assertMatch(stderr, message);
  });
}

Deno.test("report exits with 4 where nobody listens", async () => {
  const { port } = await (async () => {
    await using admin = startAdmin();
    return { port: admin.port };
  })();
  const { code, stderr } = await report(["--admin", `127.0.0.1:${port}`]);
  assertEquals(code, 4);
  assertMatch(stderr, /^error: Cannot reach the admin listener at http:\/\/127\.0\.0\.1:\d+: .*refused/i);
});

/** Mistakes on the command line, and what is said of each. */
const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
  [[], "Cannot ask for a report as the admin listener must be given: --admin URL"],
  [["--admin", "ftp://x"], 'Cannot ask "ftp://x" for a report as the admin listener must be a URL'],
  [["--admin", "http://user:secret@x"], "must be a URL without credentials"],
  [["--admin", "x", "--format", "jsn"], 'the format must be "text", "json" or "markdown"; did you mean "json"?'],
  [["--admin", "x", "--min-requests", "many"], '"--min-requests" must be a whole number: found "many"'],
  [
    ["--admin", "x", "--max-mismatch", "200%"],
    '"--max-mismatch" must be a ratio from 0 to 1, or a percentage such as "0.1%": found "200%"',
  ],
  [["--admin", "x", "--port", "1"], 'Cannot use "--port" with "report" as that command has no such flag'],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`report exits with 2 for: report ${args.join(" ")}`, async () => {
    const { code, stderr } = await report(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("report as a process needs no permission but the net, and hands its exit code on", async () => {
  await using admin = startAdmin();
  const { code, stdout, stderr } = await runCli(["report", "--admin", admin.url], { permissions: ["--allow-net"] });
  assertEquals([code, stderr], [3, ""]);
  assertMatch(stdout, /^not enough traffic: 100 comparisons, 99 % match\n/);
});
