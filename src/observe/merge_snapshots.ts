/** Stands in until the counters are there; the merge replaces this file. */

import type { MetricsSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";

/**
 * Adds up what several threads have counted.
 *
 * @param snapshots What each says.
 * @returns What all of them say together.
 */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const states = new Map<string, ServiceStateSnapshot>();
  for (const state of snapshots.flatMap(({ states }) => states)) {
    states.set(state.service, { ...states.get(state.service), ...state });
  }
  return {
    startedMs: Math.min(...snapshots.map(({ startedMs }) => startedMs)),
    lastRequestMs: Math.max(0, ...snapshots.map(({ lastRequestMs }) => lastRequestMs)),
    routes: [],
    services: [],
    states: [...states.values()],
  };
}
