/** What the admin listener of a command shows. */

import type { AdminSource } from "../admin/api.ts";
import { NoiseMarks } from "../compare/noise_marks.ts";
import { viewState } from "../admin/state_view.ts";
import { processStats } from "../server/process_stats.ts";
import type { Serving } from "./serve_thread.ts";
import { VERSION } from "../lib/version.ts";

/** What is known beside the server. */
export interface AdminSourceOptions {
  /** Tells where clients reach the server. */
  readonly url: () => string;
  /** Tells whether the server is about to end. */
  readonly isDraining: () => boolean;
  /** Tells how many threads serve, and how many have been lost. */
  readonly workers: () => { readonly count: number; readonly crashes: number };
}

/**
 * Makes the source of an admin listener.
 *
 * @param serving What serves.
 * @param options What is known besides.
 * @returns The source.
 */
export function createAdminSource(
  serving: Pick<Serving, "config" | "inspect" | "comparisons">,
  { url, isDraining, workers }: AdminSourceOptions,
): AdminSource {
  return {
    get config() {
      return serving.config;
    },
    state: async () => {
      const { metrics } = await serving.inspect(Infinity);
      const facts = { version: VERSION, url: url(), draining: isDraining(), workers: workers() };
      return viewState(serving.config, { ...facts, process: processStats(), metrics });
    },
    exchanges: async (after) => (await serving.inspect(after)).recent,
    comparisons: (after) => serving.comparisons(after),
    marks: new NoiseMarks(),
  };
}
