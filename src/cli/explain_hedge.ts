/** What holding a request back means, in words. */

import type { HedgeSettings, Route } from "../config/config.ts";
import { SAFE_METHODS } from "../config/schema/http.ts";
import type { HedgePlan } from "../policy/hedge_policies.ts";
import { formatDuration } from "../lib/duration.ts";
import { printable } from "../lib/printable.ts";

/**
 * Writes how long a service is held back.
 *
 * @param settings How it is held back.
 * @returns For example `50 ms`, or `the p95 of those before it`.
 */
export function formatHedgeDelay({ after }: HedgeSettings): string {
  if (after.kind === "time") return formatDuration(after.delayMs);
  return `the p${Number((after.quantile * 100).toFixed(2))} of those before it`;
}

/**
 * Says when a service is asked that is held back.
 *
 * @param plan The service, and whom it waits for.
 * @param route Its route.
 * @param method The request's method.
 * @returns A sentence.
 */
export function describeHedge({ member, settings, peers }: HedgePlan, { members }: Route, method: string): string {
  const name = printable(member.service.name);
  const before = members.filter(({ service }) => peers.has(service)).map(({ service }) => printable(service.name));
  const isOne = before.length === 1;
  const all = new Intl.ListFormat("en", { type: "conjunction" }).format(before);
  if (!settings.unsafe && !SAFE_METHODS.includes(method)) {
    return `Asks ${name} only where ${all} can not be reached: ${printable(method)} is not hedged.`;
  }
  const late = `${isOne ? "has" : "have"} not answered for ${formatHedgeDelay(settings)}`;
  return `Asks ${name} where ${all} ${late}, or ${isOne ? "it fails" : "all of them fail"}.`;
}
