/** Explains in words when a hedged service gets a request. */

import type { HedgeSettings, Route } from "../config/config.ts";
import { SAFE_METHODS } from "../config/schema/http.ts";
import { formatDuration } from "../lib/duration.ts";
import { printable } from "../lib/printable.ts";
import type { HedgePlan } from "../policy/hedge_policies.ts";

/** Formats the delay of a hedge, for example `50 ms`, or `the p95 of the services before it`. */
export function formatHedgeDelay({ after }: HedgeSettings): string {
  if (after.kind === "time") return formatDuration(after.delayMs);
  return `the p${Number((after.quantile * 100).toFixed(2))} of the services before it`;
}

/** Returns a sentence about when a hedged service of a route gets a request. */
export function describeHedge({ member, settings, peers }: HedgePlan, { members }: Route, method: string): string {
  const name = printable(member.service.name);
  const before = members.filter(({ service }) => peers.has(service)).map(({ service }) => printable(service.name));
  const isOne = before.length === 1;
  const all = new Intl.ListFormat("en", { type: "conjunction" }).format(before);
  if (!settings.unsafe && !SAFE_METHODS.includes(method)) {
    return `Sends the request to ${name} only if ${all} cannot be reached: ${printable(method)} is not hedged.`;
  }
  const late = `${isOne ? "has" : "have"} not responded within ${formatHedgeDelay(settings)}`;
  return `Sends the request to ${name} if ${all} ${late}, or ${isOne ? "has failed" : "all of them have failed"}.`;
}
