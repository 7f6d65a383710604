import { assert, assertEquals, assertGreater, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { conductor, type ConductorEvent, type ConfigInput } from "@zeek/conductor";

import { serveThread, type ServingThread } from "../../src/cli/serve_thread.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { createLogger, formatJson } from "../../src/observe/log.ts";
import { PROMETHEUS_TYPE } from "../../src/observe/metric_families.ts";
import { runCli, startCli } from "../_support/cli_process.ts";
import { exchangeRaw, startBackend } from "../_support/servers.ts";
import { startSlowBackend } from "../_support/slow_backend.ts";
import { tempConfig } from "../_support/temp_config.ts";

const METRICS = { enabled: true, endpoint: "/metrics", enablePrometheus: true };

interface Started extends AsyncDisposable {
  readonly thread: ServingThread;
  readonly url: string;
}

/** Serves in this process, as a thread of the command line does. */
function start(input: ConfigInput): Started {
  const logger = createLogger({ level: "error", format: formatJson, write: () => true });
  const config = { ...validateConfig(input).config, hostname: "127.0.0.1", port: 0 };
  const thread = serveThread(config, { logger: () => logger, onError: () => {} });
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
  const answer = await fetch(`${url}/metrics`);
  assertEquals([answer.status, answer.headers.get("content-type")], [200, PROMETHEUS_TYPE]);
  const text = await answer.text();
  assertStringIncludes(text, '\nconductor_requests_total{route="pathPrefix /",code="2xx"} 3\n');
  assertMatch(text, /\nprocess_resident_memory_bytes [1-9]\d+\n/);
  assertNotMatch(text, /process_open_fds/, "Deno shows /proc only to a process with all permissions");
  assertEquals(backend.seen.length, 3);
  assertNotMatch(child.stdout.text + child.stderr.text, /"level":"warn"|no effect/);
  // Neither the scrape nor the end of an answer is worth a line.
  const messages = child.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line).message);
  assertEquals(messages, ["listening", "request", "request", "request"]);
});

Deno.test("open descriptors are counted where all permissions are granted", {
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

Deno.test("the metrics come before the routes, for exactly their path, and only where they are enabled", async () => {
  await using backend = startBackend();
  const services = [{ name: "api", url: backend.url, pathPrefix: "/" }];
  const handle = conductor({ metrics: { ...METRICS, endpoint: "/%6Detrics" }, services });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await handle(new Request(`http://h${path}`, init));
    return [response.status, (await response.text()).slice(0, 6)];
  };
  assertEquals(await ask("/metrics"), [200, "# HELP"]);
  assertEquals(await ask("/a/../metrics?x=1"), [200, "# HELP"]);
  assertEquals(await ask("/metrics", { method: "HEAD" }), [200, ""]);
  assertEquals(await ask("/metrics", { method: "POST", body: "x" }), [405, ""]);
  for (const path of ["/metrics/", "/metrics/x", "/Metrics", "/"]) assertEquals(await ask(path), [200, "ok"], path);
  assertEquals(backend.seen.length, 4);

  for (const metrics of [{}, { ...METRICS, enabled: false }]) {
    const plain = conductor({ metrics, services });
    assertEquals(await (await plain(new Request("http://h/metrics"))).text(), "ok");
  }
});

Deno.test("a handler in a server of one's own counts its requests, and still tells its observer of each", async () => {
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

Deno.test("the metrics are answered while maxInFlight turns everything else away", async () => {
  await using slow = startSlowBackend();
  await using front = start({
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

Deno.test("a reload keeps the counts, and may switch the metrics on and off", async () => {
  await using backend = startBackend();
  const services = [{ name: "a", url: backend.url }];
  await using front = start({ services });
  const follow = (metrics: ConfigInput["metrics"] & object) =>
    front.thread.apply({ ...validateConfig({ metrics, services }).config, hostname: "127.0.0.1", port: 0 });
  assertEquals(await (await fetch(`${front.url}/metrics`)).text(), "ok");
  await follow({ enabled: true });
  assertEquals(await countedAt(`${front.url}/metrics`), 0);
  await (await fetch(front.url)).text();
  await follow({ enabled: true, endpoint: "/-/metrics" });
  assertEquals(await countedAt(`${front.url}/-/metrics`), 1);
  await follow({ enabled: false });
  assertEquals(await (await fetch(`${front.url}/-/metrics`)).text(), "ok");
});

Deno.test("with --workers each answer has what all have counted", { ignore: Deno.build.os !== "linux" }, async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`
metrics: { enabled: true, enablePrometheus: true }
services: [{ name: api, url: "${backend.url}" }]
`);
  await using child = startCli(["--config", file.path, "--host", "127.0.0.1", "--port", "0", "--workers", "2"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  const port = Number(new URL(url).port);
  const ask = (path: string) => exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  // So many connections reach each of two workers, but for one time in 10 to the 15th.
  const many = 50;
  const answers = await Promise.all(Array.from({ length: many }, () => ask("/")));
  assertEquals(answers.filter((answer) => answer.startsWith("HTTP/1.1 200")).length, many);
  for (let scrape = 0; scrape < 8; scrape++) {
    const text = await ask("/metrics");
    assertStringIncludes(text, `conductor_requests_total{route="path /",code="2xx"} ${many}\n`);
    assertStringIncludes(text, "conductor_workers 2\n");
    assertStringIncludes(text, "conductor_worker_crashes_total 0\n");
  }
});

Deno.test("check says where the metrics' path takes a pathExact away", async () => {
  const config = (metrics: string) => `
metrics: ${metrics}
services:
  - { name: a, url: "http://127.0.0.1:1", pathExact: [/metrics, /x] }
`;
  await using taken = await tempConfig(config("{ enabled: true }"));
  const { code, stdout, stderr } = await runCli(["check", "--config", taken.path]);
  assertEquals(code, 0);
  assertMatch(stdout + stderr, /metrics.*comes before the pathExact of the same path/);
  for (const metrics of ["{ enabled: false }", "{ enabled: true, endpoint: /-/metrics }"]) {
    await using free = await tempConfig(config(metrics));
    const quiet = await runCli(["check", "--config", free.path]);
    assert(!(quiet.stdout + quiet.stderr).includes("comes before"));
  }
});
