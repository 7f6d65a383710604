/** What became of each service, for the tools of a browser (Server Timing, https://www.w3.org/TR/server-timing/). */

import type { Member, Role } from "../config/config.ts";
import type { AttemptView, Outcome } from "../upstream/attempt.ts";

/** What is told beside the attempts. */
export interface ServerTimingOptions {
  /** Whether services are named; else they are known by their roles. */
  readonly identify: boolean;
  /** The time since the request arrived, in milliseconds. */
  readonly totalMs: number;
}

const NO_TOKEN = /[^A-Za-z0-9!#$%&'*+\-.^_`|~]/g;

/**
 * Writes a `Server-Timing` field with one entry for each service of a route, and one for the whole.
 *
 * @param members The services of the route.
 * @param attempts Those that were sent the request; what has not settled is `pending`.
 * @param options What is told beside them.
 * @returns The field's value.
 */
export function serverTiming(
  members: readonly Member[],
  attempts: readonly (AttemptView & { readonly durationMs: number })[],
  options: ServerTimingOptions,
): string {
  const counts: Record<Role, number> = { primary: 0, secondary: 0, shadow: 0 };
  const entries = members.map(({ service, role }) => {
    const attempt = attempts.find((attempt) => attempt.service === service);
    const nth = ++counts[role];
    const name = options.identify ? service.name : nth === 1 ? role : `${role}-${nth}`;
    const token = name.replaceAll(NO_TOKEN, "_");
    const text = `${token === name ? "" : `${name}: `}${role} ${attempt === undefined ? "not sent" : end(attempt)}`;
    const duration = attempt?.outcome === undefined ? "" : `;dur=${rounded(attempt.durationMs)}`;
    return `${token}${duration};desc="${text.replaceAll(/["\\]/g, "\\$&")}"`;
  });
  return [...entries, `total;dur=${rounded(options.totalMs)}`].join(", ");
}

function end({ outcome }: { readonly outcome: Outcome | undefined }): string {
  if (outcome === undefined) return "pending";
  return outcome.ok ? String(outcome.response.status) : outcome.kind;
}

function rounded(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
