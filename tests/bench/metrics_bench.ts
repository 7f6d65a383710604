/** Cost of counting a request, and of writing the counters. */

import { validateConfig } from "../../src/config/validate.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { formatPrometheus } from "../../src/observe/metric_families.ts";
import { COUNTED_EVENTS } from "../_support/count_events.ts";

const services = Array.from({ length: 100 }, (_, index) => ({
  name: `api-${index}`,
  url: "http://a",
  path: `/${index >> 1}`,
}));

const metrics = new Metrics();
metrics.reconfigure(validateConfig({ services: [{ name: "a", url: "http://a", path: "/" }, ...services] }).config);

for (const event of COUNTED_EVENTS) {
  Deno.bench(`Metrics.observe() counts ${event.type}`, { group: "metrics" }, () => metrics.observe(event));
}

Deno.bench("Metrics.observe() counts a request with one service", { group: "metrics" }, () => {
  for (const event of COUNTED_EVENTS) metrics.observe(event);
});

Deno.bench("formatPrometheus() writes 51 routes with 101 services", { group: "prometheus" }, () => {
  formatPrometheus({ metrics: metrics.snapshot() });
});
