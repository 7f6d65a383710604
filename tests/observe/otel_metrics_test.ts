/** Metrics with OTEL_DENO=true: the collector's values agree with those for Prometheus. */

import { assert, assertEquals } from "@std/assert";
import { METRIC_FAMILIES } from "../../src/observe/metric_families.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { startCollector } from "../_support/collector.ts";
import { exchangeRaw, startBackend } from "../_support/servers.ts";

const REQUESTS = 30;

for (const workers of [1, 2]) {
  Deno.test({
    name: `telemetry: the meter exports every metric of conductor, with ${workers === 1 ? "one thread" : "2 workers"}`,
    ignore: workers > 1 && Deno.build.os !== "linux",
    async fn() {
      await using collector = startCollector();
      await using backend = startBackend((_, body) => new Response(body, { status: 201 }));
      const services = [{ name: "a", url: backend.url, primary: true }];
      await using file = await tempConfig(JSON.stringify({ port: 0, hostname: "127.0.0.1", services }));
      const env = { ...collector.env, OTEL_METRIC_EXPORT_INTERVAL: "300" };
      await using child = startCli(["--config", file.path, "--workers", String(workers)], { env });
      const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
      const request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
      for (let nth = 0; nth < REQUESTS; nth++) await exchangeRaw(Number(new URL(url).port), request);
      const valueOf = (name: string, attributes: Readonly<Record<string, string>>) =>
        collector.points.filter((point) =>
          point.scope === "conductor" && point.name === name &&
          Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
        ).reduce((sum, { value }) => sum + value, 0);
      const responses = () => valueOf("conductor.service_responses", { service: "a", code: "2xx" });
      for (const end = Date.now() + 10_000; responses() < REQUESTS && Date.now() < end;) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const route = { route: "path /" };
      assertEquals(responses(), backend.seen.length);
      assertEquals(valueOf("conductor.requests", { ...route, code: "2xx" }), REQUESTS);
      assertEquals(valueOf("conductor.request_bytes", route), 3 * REQUESTS);
      assertEquals(valueOf("conductor.workers", {}), workers);
      assertEquals(valueOf("conductor.request_duration", route), REQUESTS);
      assertEquals(
        valueOf("conductor.service_attempt_duration", { ...route, service: "a", role: "primary" }),
        REQUESTS,
      );
      const named = collector.points.filter(({ name }) => name === "conductor.request_duration");
      assertEquals(named.map(({ attributes }) => attributes.route), ["path /"], "one series for all threads");
      const histogram = collector.points.find(({ name }) => name === "conductor.request_duration")!;
      assertEquals([histogram.unit, histogram.bucketCounts?.length], ["s", 36]);
      const exported = new Set(collector.points.filter(({ scope }) => scope === "conductor").map(({ name }) => name));
      // Families without a value: no comparison, breaker or health check is configured, and nothing is upgraded.
      const absent = /comparisons|not_comparable|breaker|health|tunnel_duration|reload_refusal|^process_|^nodejs_/;
      for (const { name } of METRIC_FAMILIES.filter(({ name }) => !absent.test(name))) {
        const base = name.replace(/_total$/, "").replace(/_seconds$/, "").replace(
          /^conductor_/,
          "conductor.",
        );
        assert(exported.has(base), `${name} is not exported: ${[...exported]}`);
      }
    },
  });
}
