import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { configReference, fieldSummaries } from "../../src/config/schema/reference.ts";

Deno.test("configReference() has one table per section, each before the sections inside it", () => {
  const reference = configReference();
  const headings = reference.split("\n").filter((line) => line.startsWith("### ")).map((line) => line.slice(4));
  assertEquals(headings, [
    "Top level",
    ...[
      "clientTimeouts",
      "tls",
      "limits",
      "compare",
      "compare.normalise[]",
      "compare.tolerance[]",
      "logging",
      "admin",
      "metrics",
      "services[]",
      "services[].tls",
      "services[].breaker",
      "services[].health",
      "services[].hedge",
      "services[].sample",
      "services[].ramp",
    ].map((path) => `\`${path}\``),
  ]);
});

Deno.test("configReference() has a row per field with its value, default and description", () => {
  const rows = configReference().split("\n").map((line) => line.replaceAll(/ +/g, " "));
  for (
    const row of [
      "| `port` | whole number, 0 to 65535 | `8080` | TCP port to listen on. 0 selects a free port. Not supported by",
      "| `over` | time, 1s to 24h | required | Duration of the ramp. |",
      "| `hedge` | true, or mapping | off: the request is sent at once |",
      "| `file` | text | | Accepted for compatibility with go-conductor. Has no effect: redirect the output instead. |",
    ]
  ) assert(rows.some((line) => line.startsWith(row)), row);
});

Deno.test("fieldSummaries() lists the fields that have an effect, with their defaults", () => {
  const summaries = new Map(fieldSummaries());
  assertStringIncludes(summaries.get("port")!, "Default: 8080.");
  assertStringIncludes(summaries.get("services[].url")!, "Required.");
  assertStringIncludes(summaries.get("services[].timeout")!, "Default: the top level's.");
  assert(!summaries.has("services[].weight"));
  // A long list is in the reference only.
  assertStringIncludes(summaries.get("compare.headers")!, "Default: those of content, redirects, links, caching,");
  assertMatch(configReference(), /The default in full: `\["content-type",.*"access-control-expose-headers"\]`/);
  for (const summary of summaries.values()) assert(!/[`\n]/.test(summary));
});
