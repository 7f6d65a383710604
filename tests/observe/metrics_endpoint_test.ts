import { assert, assertEquals, assertGreater, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { conductor, type ConductorEvent, type ConfigInput } from "@zeek/conductor";

import { serveThread, type ServingThread } from "../../src/cli/serve_thread.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createLogger, formatJson } from "../../src/observe/log.ts";
import { PROMETHEUS_TYPE } from "../../src/observe/metric_families.ts";
import { runCli, startCli, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw, startBackend, startSlowBackend } from "../_support/servers.ts";

const METRICS = { enabled: true, endpoint: "/metrics", enablePrometheus: true };

interface Started extends AsyncDisposable {
  readonly thread: ServingThread;
  readonly url: string;
}

/** Serves in this process, as a thread of the command line would. */
async function start(input: ConfigInput): Promise<Started> {
  const logger = createLogger({ level: "error", format: formatJson, write: () => true });
  const config = { ...validateConfig(input).config, hostname: "127.0.0.1", port: 0 };
  const thread = await serveThread(config, { logger: () => logger, onError: () => {} });
  return {
    thread,
    url: `http://127.0.0.1:${thread.address.port}`,
    [Symbol.asyncDispose]: () => thread.shutdown(),
  };
}

async function countedAt(url: string): Promise<number> {
  const { request_count } = await (await fetch(url, { headers: { accept: "application/json" } })).json();
  return request_count;
}

Deno.test("a go-conductor file with metrics runs unchanged, with --allow-net and --allow-read alone", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`
port: 8080
logging:
  level: info
metrics:
  enabled: true
  endpoint: /metrics
  enablePrometheus: true
services:
  - name: api
    url: ${backend.url}
    pathPrefix: /
    primary: true
`);
  await using child = startCli(["--config", file.path, "--host", "127.0.0.1", "--port", "0"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  for (let i = 0; i < 3; i++) assertEquals(await (await fetch(`${url}/x`)).text(), "ok");
  const response = await fetch(`${url}/metrics`);
  assertEquals([response.status, response.headers.get("content-type")], [200, PROMETHEUS_TYPE]);
  const text = await response.text();
  assertStringIncludes(text, '\nconductor_requests_total{route="pathPrefix /",code="2xx"} 3\n');
  assertMatch(text, /\nprocess_resident_memory_bytes [1-9]\d+\n/);
  assertNotMatch(text, /process_open_fds/, "Deno shows /proc only to a process with all permissions");
  assertEquals(backend.seen.length, 3);
  assertNotMatch(child.stdout.text + child.stderr.text, /"level":"warn"|no effect/);
  // The scrape and the end of a response have no line.
  const messages = child.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line).message);
  assertEquals(messages, ["listening", ...Array(3).fill("request completed")]);
});

Deno.test("open descriptors are shown if all permissions are granted", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using file = await tempConfig("metrics: { enabled: true }\nservices: [{ name: a, url: http://127.0.0.1:1 }]");
  const permissions = ["--allow-all"];
  await using child = startCli(["--config", file.path, "--host", "127.0.0.1", "--port", "0"], { permissions });
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  const text = await (await fetch(`${url}/metrics`, { headers: { accept: "text/plain" } })).text();
  const [, shown] = /\nprocess_open_fds (\d+)\n/.exec(text) ?? [];
  assertGreater(Number(shown), 2);
});

Deno.test("the metrics endpoint takes precedence over routes, for its exact path, and only if it is enabled", async () => {
  await using backend = startBackend();
  const services = [{ name: "api", url: backend.url, pathPrefix: "/" }];
  const handle = conductor({ metrics: { ...METRICS, endpoint: "/%6Detrics" }, services });
  const request = async (path: string, init?: RequestInit) => {
    const response = await handle(new Request(`http://h${path}`, init));
    return [response.status, (await response.text()).slice(0, 6)];
  };
  assertEquals(await request("/metrics"), [200, "# HELP"]);
  assertEquals(await request("/a/../metrics?x=1"), [200, "# HELP"]);
  assertEquals(await request("/metrics", { method: "HEAD" }), [200, ""]);
  assertEquals(await request("/metrics", { method: "POST", body: "x" }), [405, ""]);
  for (const path of ["/metrics/", "/metrics/x", "/Metrics", "/"]) assertEquals(await request(path), [200, "ok"], path);
  assertEquals(backend.seen.length, 4);

  for (const metrics of [{}, { ...METRICS, enabled: false }]) {
    const plain = conductor({ metrics, services });
    assertEquals(await (await plain(new Request("http://h/metrics"))).text(), "ok");
  }
});

Deno.test("an embedded handler counts its requests, and still reports each to its observer", async () => {
  await using backend = startBackend();
  const events: ConductorEvent[] = [];
  const handle = conductor({ metrics: { enabled: true }, services: [{ name: "api", url: backend.url }] }, {
    observe: (event) => events.push(event),
  });
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => handle(request));
  const url = `http://127.0.0.1:${server.addr.port}`;
  await (await fetch(url)).text();
  const json = await (await fetch(`${url}/metrics`)).json();
  assertEquals([json.request_count, json.error_count, json.services[0].success_rate], [1, 0, 1]);
  assertEquals(Object.keys(json).slice(0, 8), [
    ...["request_count", "error_count", "success_count", "error_rate", "avg_request_time_ms", "last_request_time"],
    ...["uptime_seconds", "start_time"],
  ]);
  assertEquals(events.map(({ type }) => type), ["received", "attempted", "settled", "responded", "relayed"]);
});

Deno.test("the metrics endpoint responds while maxInFlight refuses all other requests", async () => {
  await using slow = startSlowBackend();
  await using front = await start({
    metrics: METRICS,
    limits: { maxInFlight: 1 },
    services: [{ name: "slow", url: slow.url }],
  });
  const first = fetch(front.url);
  await slow.received(1);
  const refused = await fetch(front.url);
  await refused.body?.cancel();
  assertEquals(refused.status, 503);
  const text = await (await fetch(`${front.url}/metrics`)).text();
  assertStringIncludes(text, '\nconductor_requests_in_flight{route="path /"} 1\n');
  assertStringIncludes(text, '\nconductor_requests_total{route="path /",code="5xx"} 1\n');
  slow.release();
  await (await first).text();
});

Deno.test("a reload keeps the counts, and can enable and disable the metrics", async () => {
  await using backend = startBackend();
  const services = [{ name: "a", url: backend.url }];
  await using front = await start({ services });
  const reload = (metrics: ConfigInput["metrics"] & object) =>
    front.thread.apply({ ...validateConfig({ metrics, services }).config, hostname: "127.0.0.1", port: 0 });
  assertEquals(await (await fetch(`${front.url}/metrics`)).text(), "ok");
  await reload({ enabled: true });
  assertEquals(await countedAt(`${front.url}/metrics`), 0);
  await (await fetch(front.url)).text();
  await reload({ enabled: true, endpoint: "/-/metrics" });
  assertEquals(await countedAt(`${front.url}/-/metrics`), 1);
  await reload({ enabled: false });
  assertEquals(await (await fetch(`${front.url}/-/metrics`)).text(), "ok");
});

Deno.test(
  "with --workers each response has the counts of all workers",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using backend = startBackend();
    await using file = await tempConfig(`
metrics: { enabled: true, enablePrometheus: true }
services: [{ name: api, url: "${backend.url}" }]
`);
    await using child = startCli(["--config", file.path, "--host", "127.0.0.1", "--port", "0", "--workers", "2"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
    const port = Number(new URL(url).port);
    const get = (path: string) => exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    // The probability that one of two workers gets none of 50 connections is 10^-15.
    const count = 50;
    const responses = await Promise.all(Array.from({ length: count }, () => get("/")));
    assertEquals(responses.filter((response) => response.startsWith("HTTP/1.1 200")).length, count);
    for (let scrape = 0; scrape < 8; scrape++) {
      const text = await get("/metrics");
      assertStringIncludes(text, `conductor_requests_total{route="path /",code="2xx"} ${count}\n`);
      assertStringIncludes(text, "conductor_workers 2\n");
      assertStringIncludes(text, "conductor_worker_crashes_total 0\n");
    }
  },
);

Deno.test("check warns if the metrics endpoint hides a pathExact", async () => {
  const config = (metrics: string) => `
metrics: ${metrics}
services:
  - { name: a, url: "http://127.0.0.1:1", pathExact: [/metrics, /x] }
`;
  await using taken = await tempConfig(config("{ enabled: true }"));
  const { code, stdout, stderr } = await runCli(["check", "--config", taken.path]);
  assertEquals(code, 0);
  assertMatch(stdout + stderr, /metrics.*takes precedence over the `pathExact` of the same path/);
  for (const metrics of ["{ enabled: false }", "{ enabled: true, endpoint: /-/metrics }"]) {
    await using free = await tempConfig(config(metrics));
    const quiet = await runCli(["check", "--config", free.path]);
    assert(!(quiet.stdout + quiet.stderr).includes("comes before"));
  }
});
