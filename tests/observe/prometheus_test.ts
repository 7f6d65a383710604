import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ConfigInput } from "@zeek/conductor";

import { validateConfig } from "../../src/config/validate.ts";
import { DURATION_BOUNDS_SECONDS } from "../../src/observe/counted_metrics.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import {
  baseName,
  formatOpenMetrics,
  formatPrometheus,
  METRIC_FAMILIES,
  OPENMETRICS_TYPE,
  PROMETHEUS_TYPE,
} from "../../src/observe/metric_families.ts";
import type { MetricsReading } from "../../src/observe/metrics_snapshot.ts";
import { FetchRequest, toResponse } from "../../src/proxy/fetch_handler.ts";
import { respondMetrics } from "../../src/observe/respond_metrics.ts";
import { VERSION } from "../../src/lib/version.ts";
import { hasCommand } from "../_support/child.ts";
import { refusingUrl, startBackend, startConductor } from "../_support/servers.ts";

const noPromtool = await hasCommand("promtool", ["--version"]) ? "" : " (ignored: promtool is not installed)";

/** Characters that are valid in service names and paths, but not in labels. */
const HOSTILE: ConfigInput = {
  services: [
    { name: `a "b" \\n {c="d"} #\\`, url: "http://a", pathPrefix: `/"x"{}`, breaker: true, health: { path: "/" } },
    { name: "le", url: "http://b", pathPrefix: "/ü,=" },
  ],
};

function readingOf(config: ConfigInput): { metrics: Metrics; read: () => MetricsReading } {
  const metrics = new Metrics(() => 1_500);
  metrics.reconfigure(validateConfig(config).config);
  return { metrics, read: () => ({ metrics: metrics.snapshot() }) };
}

async function promtool(
  text: string,
  args: readonly string[] = ["check", "metrics"],
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("formatPrometheus() escapes characters that would end a label", () => {
  const text = formatPrometheus(readingOf(HOSTILE).read());
  const labels = String.raw`{route="pathPrefix /\"x\"{}",service="a \"b\" \\n {c=\"d\"} #\\",role="primary"}`;
  assertStringIncludes(text, `conductor_service_selected_total${labels} 0\n`);
  assertStringIncludes(text, `{route="pathPrefix /%C3%BC,=",service="le",role="primary"} 0\n`);
  for (const line of text.trimEnd().split("\n")) {
    assertMatch(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\})? [\d.e+-]+)$/);
  }
});

Deno.test("formatPrometheus() writes cumulative histograms in seconds", () => {
  const { metrics, read } = readingOf({ services: [{ name: "a", url: "http://a" }] });
  const about = { requestId: "r", route: "path /", service: "a", role: "primary", success: true, status: 200 } as const;
  for (const durationMs of [0.1, 20, 20, 1e6]) metrics.observe({ type: "settled", ...about, durationMs });
  const lines = formatPrometheus(read()).split("\n");
  const name = "conductor_service_attempt_duration_seconds";
  const labels = 'route="path /",service="a",role="primary"';
  const buckets = lines.filter((line) => line.startsWith(`${name}_bucket{${labels}`));
  const bounds = [...DURATION_BOUNDS_SECONDS, "+Inf"];
  const counts = bounds.map((bound) => bound === "+Inf" ? 4 : Number(bound) < 0.02 ? 1 : 3);
  assertEquals(buckets, bounds.map((bound, index) => `${name}_bucket{${labels},le="${bound}"} ${counts[index]}`));
  const [sum, count] = lines.slice(lines.indexOf(buckets.at(-1)!) + 1);
  assertMatch(sum!, /_sum\{.*\} 1000\.04/);
  assertEquals(count, `${name}_count{${labels}} 4`);
});

Deno.test("formatPrometheus() writes states, the version, workers and the process if they are known", () => {
  const { metrics, read } = readingOf(HOSTILE);
  assertEquals(/worker|process|last_request|config/.exec(formatPrometheus(read())), null);
  metrics.observe({ type: "breaker", service: HOSTILE.services[0]!.name, state: "half-open" });
  metrics.observe({ type: "received", requestId: "r" });
  const text = formatPrometheus({
    ...read(),
    process: { residentBytes: 1e8, heapBytes: 1, descriptors: 7 },
    workers: { count: 2, crashes: 1 },
    reloads: {
      ...{ file: "/etc/conductor.yaml", isSuccessful: false, lastSuccessMs: 1_500, lastAttemptMs: 2_500, changes: [] },
      ...{ succeeded: 3, refused: 1, problems: ["secret"] },
    },
  });
  assertEquals(text.includes("secret"), false);
  const states = [...text.matchAll(/^conductor_(\w+)_state\{.*state="(.*)"\} (\d)$/gm)].map(([, ...found]) => found);
  assertEquals(states, [
    ["breaker", "closed", "0"],
    ["breaker", "half-open", "1"],
    ["breaker", "open", "0"],
    ["health", "healthy", "1"],
    ["health", "unhealthy", "0"],
  ]);
  for (
    const line of [
      `conductor_build_info{version="${VERSION}"} 1`,
      "conductor_start_time_seconds 1.5",
      "conductor_last_request_time_seconds 1.5",
      "conductor_workers 2",
      "conductor_worker_crashes_total 1",
      "conductor_config_last_reload_successful 0",
      "conductor_config_last_reload_success_timestamp_seconds 1.5",
      'conductor_config_reloads_total{result="success"} 3',
      'conductor_config_reloads_total{result="failure"} 1',
      "process_resident_memory_bytes 100000000",
      "process_open_fds 7",
    ]
  ) assertStringIncludes(text, `\n${line}\n`);
});

Deno.test("each metric has a unique name, a type and help, and labels from a fixed list", () => {
  const names = METRIC_FAMILIES.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, type, help, labels } of METRIC_FAMILIES) {
    assertMatch(name, /^(?:conductor|process|nodejs)_[a-z_]+$/);
    assertEquals(type === "counter", name.endsWith("_total"));
    assertMatch(help, /^[A-Z1][^\n\\]+\.$/);
    assert(labels.every((label) => /^(?:route|service|role|code|kind|reason|result|state|version)$/.test(label)));
  }
});

for (const [title, config] of [["a usual configuration", undefined], ["hostile names", HOSTILE]] as const) {
  Deno.test({
    name: `promtool check metrics accepts ${title}${noPromtool}`,
    ignore: noPromtool !== "",
    async fn() {
      await using backend = startBackend((_, body) => new Response(body));
      const usual: ConfigInput = {
        services: [
          { name: "api", url: backend.url, primary: true, breaker: true },
          { name: "down", url: refusingUrl(), health: { path: "/" } },
          { name: "copy", url: backend.url, shadow: true, sample: 0.5 },
        ],
      };
      // Only conductor's own server checks health.
      const services = (config ?? usual).services.map(({ health: _, ...service }) => service);
      await using front = startConductor({ services, metrics: { enabled: true, enablePrometheus: true } });
      for (let i = 0; i < 3; i++) await (await fetch(front.url, { method: "POST", body: "x" })).text();
      const response = await fetch(`${front.url}/metrics`);
      assertEquals([response.status, response.headers.get("content-type")], [200, PROMETHEUS_TYPE]);
      const text = await response.text();
      const extras = formatPrometheus({
        ...readingOf(config ?? usual).read(),
        process: { residentBytes: 1e8, descriptors: 7 },
        workers: { count: 2, crashes: 0 },
      });
      for (const found of [await promtool(text), await promtool(extras)]) assertEquals(found, { code: 0, output: "" });
      if (config === undefined) {
        assertStringIncludes(text, '\nconductor_requests_total{route="path /",code="2xx"} 3\n');
        assertStringIncludes(text, 'role="shadow",reason="not-sampled"}');
      } else {
        assertStringIncludes(text, '\nconductor_requests_total{route="",code="4xx"} 3\n');
      }
    },
  });
}

/** Reading with a value for every family. */
function fullReading(config: ConfigInput): MetricsReading {
  const { metrics, read } = readingOf(config);
  const about = { requestId: "r", route: "path /", service: "a", role: "primary" } as const;
  metrics.observe({ type: "received", ...about });
  metrics.observe({ type: "settled", ...about, success: true, status: 200, durationMs: 20 });
  return {
    ...read(),
    process: {
      ...{ residentBytes: 1e8, virtualBytes: 1e9, heapBytes: 1, heapTotalBytes: 2, externalBytes: 3 },
      ...{ cpuMs: 1_500, startedMs: 2_500, descriptors: 7, maxDescriptors: 1_024 },
    },
    workers: { count: 2, crashes: 0 },
    reloads: {
      ...{ isSuccessful: true, lastSuccessMs: 1_500, lastAttemptMs: 2_500 },
      ...{ succeeded: 3, refused: 1, problems: [], file: "config.yaml", changes: [] },
      lastRefusal: { timeMs: 2_500, problems: [] },
    },
  };
}

const FULL: ConfigInput = { services: [{ name: "a", url: "http://a", breaker: true, health: { path: "/" } }] };

Deno.test("formatOpenMetrics() writes each family once, with its type, its unit, and a start for what accumulates", () => {
  const lines = formatOpenMetrics(fullReading(FULL)).split("\n");
  assertEquals(lines.splice(-2), ["# EOF", ""]);
  for (const family of METRIC_FAMILIES) {
    const name = baseName(family);
    const start = lines.indexOf(`# TYPE ${name} ${family.type}`);
    assert(start >= 0, name);
    const unit = name.endsWith("_seconds") ? "seconds" : name.endsWith("_bytes") ? "bytes" : undefined;
    const head = [...unit === undefined ? [] : [`# UNIT ${name} ${unit}`], `# HELP ${name} ${family.help}`];
    assertEquals(lines.slice(start + 1, start + 1 + head.length), head);
    const samples = lines.slice(start + 1 + head.length);
    const end = samples.findIndex((line) => line.startsWith("#"));
    const suffixes = {
      counter: ["_total", "_created"],
      gauge: [""],
      histogram: ["_bucket", "_sum", "_count", "_created"],
    };
    const found = samples.slice(0, end === -1 ? samples.length : end).map((line) => /^\w+/.exec(line)![0]);
    assertEquals(new Set(found), new Set(suffixes[family.type].map((suffix) => name + suffix)), name);
  }
  const bounds = lines.flatMap((line) => /[{,]le="(.*?)"/.exec(line)?.[1] ?? []);
  assert(bounds.every((bound) => bound === "+Inf" || bound.includes(".")), bounds.join(" "));
  assert(lines.includes("process_cpu_seconds_total 1.5") && lines.includes("process_cpu_seconds_created 2.5"));
});

for (const [title, config] of [["usual", FULL], ["hostile", HOSTILE]] as const) {
  Deno.test({
    name: `promtool parses the OpenMetrics text of ${title} names${noPromtool}`,
    ignore: noPromtool !== "",
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        // The tool imports only samples with a time.
        const text = formatOpenMetrics(fullReading(config)).replace(/^([^#\n].*)$/gm, "$1 1700000000");
        await Deno.writeTextFile(`${folder}/metrics`, text);
        const args = ["tsdb", "create-blocks-from", "openmetrics", `${folder}/metrics`, `${folder}/data`];
        const { code, output } = await promtool("", args);
        assertEquals(code, 0, output);
        await Deno.writeTextFile(`${folder}/metrics`, text.replace("# EOF\n", ""));
        assertMatch((await promtool("", args)).output, /EOF/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: `promtool check metrics reports invalid metrics${noPromtool}`,
  ignore: noPromtool !== "",
  async fn() {
    assertEquals((await promtool(`a_total{b="c"d"} 1\n`)).code, 1);
    assertMatch((await promtool("# TYPE a counter\na 1\n")).output, /help/);
  },
});

const TEXT = "text";
const OPEN = "openmetrics";
const JSON_TEXT = "json";
/** `Accept` of Prometheus 3. */
const SCRAPE = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
  "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

for (
  const [accept, json, text] of [
    [undefined, JSON_TEXT, TEXT],
    ["*/*", JSON_TEXT, TEXT],
    ["text/html,application/xhtml+xml,*/*;q=0.8", JSON_TEXT, TEXT],
    ["text/plain", TEXT, TEXT],
    ["Text/Plain; version=0.0.4", TEXT, TEXT],
    ["text/*", TEXT, TEXT],
    ["text/*;q=0.5, application/json;q=0.4", TEXT, TEXT],
    ["application/*", JSON_TEXT, OPEN],
    ["application/*, application/json;q=0.1", OPEN, OPEN],
    ["text/plain;q=0, */*;q=0.1", JSON_TEXT, OPEN],
    ["text/plain; version=1.0.0, application/json;q=0.1", JSON_TEXT, JSON_TEXT],
    ['application/openmetrics-text; version="1.0.0"', OPEN, OPEN],
    ["application/openmetrics-text", OPEN, OPEN],
    ["application/openmetrics-text; version=0.0.1, text/plain;q=0.1", TEXT, TEXT],
    [SCRAPE, OPEN, OPEN],
    ["application/json", JSON_TEXT, JSON_TEXT],
    ["application/json, text/plain;q=0.9", JSON_TEXT, JSON_TEXT],
    ["application/json;q=0.1, text/plain; q=0.2", TEXT, TEXT],
    ["application/json;q=0, */*", TEXT, TEXT],
    ["application/json, text/plain", JSON_TEXT, TEXT],
    ["image/png", JSON_TEXT, TEXT],
    [";q=,,q=x", JSON_TEXT, TEXT],
  ] as const
) {
  Deno.test(`respondMetrics() responds to Accept ${accept ?? "(none)"} with ${json}, or ${text} if configured`, async () => {
    const { read } = readingOf({ services: [{ name: "a", url: "http://a" }] });
    const formatOf = async (enablePrometheus: boolean) => {
      const headers = accept === undefined ? {} : { accept };
      const response = toResponse(
        respondMetrics(new FetchRequest(new Request("http://h/metrics", { headers }), {}), read(), {
          enablePrometheus,
        }),
      );
      assertEquals([response.headers.get("cache-control"), response.headers.get("vary")], ["no-store", "accept"]);
      const body = await response.text();
      if (response.headers.get("content-type") === PROMETHEUS_TYPE) return body.startsWith("# HELP") ? TEXT : body;
      if (response.headers.get("content-type") === OPENMETRICS_TYPE) return body.endsWith("\n# EOF\n") ? OPEN : body;
      assertEquals(response.headers.get("content-type"), "application/json");
      return JSON.parse(body).request_count === 0 ? JSON_TEXT : body;
    };
    assertEquals([await formatOf(false), await formatOf(true)], [json, text]);
  });
}

Deno.test("respondMetrics() responds to HEAD without a body, and to other methods than GET and HEAD with 405", async () => {
  const { read } = readingOf({ services: [{ name: "a", url: "http://a" }] });
  const request = (method: string) =>
    toResponse(
      respondMetrics(new FetchRequest(new Request("http://h/metrics", { method }), {}), read(), {
        enablePrometheus: true,
      }),
    );
  const head = request("HEAD");
  assertEquals([head.status, head.headers.get("content-type"), await head.text()], [200, PROMETHEUS_TYPE, ""]);
  for (const method of ["POST", "DELETE", "OPTIONS"]) {
    const refused = request(method);
    assertEquals([refused.status, refused.headers.get("allow"), await refused.text()], [405, "GET, HEAD", ""]);
  }
});
