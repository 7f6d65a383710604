/** The counting of a handler that nobody counts for. */

import type { Config } from "../config/config.ts";
import type { DetailedObserver } from "../observe/observers.ts";
import type { MetricsSource } from "../observe/metrics_snapshot.ts";
import { Metrics } from "../observe/metrics.ts";
import type { HandlerOptions } from "./handler_options.ts";

/**
 * Sees to it that somebody counts where `metrics.enabled` says so.
 *
 * @param config The configuration.
 * @param options What the handler was given.
 * @returns Whom to tell, and what `metrics.endpoint` shows; `undefined` where nothing is to be shown.
 */
export function withDefaultMetrics(
  config: Config,
  options: HandlerOptions,
): { readonly observe: DetailedObserver | undefined; readonly metricsSource?: MetricsSource | undefined } {
  if (!config.metrics.enabled) return { observe: options.observe };
  if (options.metricsSource !== undefined) return { observe: options.observe, metricsSource: options.metricsSource };
  const metrics = new Metrics();
  metrics.reconfigure(config);
  return {
    observe: (event, detail) => {
      metrics.observe(event);
      options.observe?.(event, detail);
    },
    metricsSource: () => ({ metrics: metrics.snapshot() }),
  };
}
