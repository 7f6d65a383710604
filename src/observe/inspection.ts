/** What a thread tells of itself when it is asked. */

import type { RecentExchanges } from "./exchange_ring.ts";
import type { MetricsSnapshot } from "./metrics_snapshot.ts";

/** What a thread has counted and recorded, as plain data: it goes from worker to main thread. */
export interface Inspection {
  /** The counters. */
  readonly metrics: MetricsSnapshot;
  /** The exchanges with a higher id than was asked for. */
  readonly recent: RecentExchanges;
}
