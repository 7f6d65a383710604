/** The events of one request with one service, as a handler makes them. */

import type { ConductorEvent } from "@zeek/conductor";

const ABOUT = { requestId: "r-1", route: "path /" } as const;
const MEMBER = { ...ABOUT, service: "a", role: "primary" } as const;

/** In the order in which they happen. */
export const COUNTED_EVENTS: readonly ConductorEvent[] = [
  { type: "received", ...ABOUT },
  { type: "attempted", ...MEMBER, atMs: 0.5, hedge: false },
  { type: "skipped", ...MEMBER, reason: "not-sampled" },
  { type: "settled", ...MEMBER, success: true, status: 200, durationMs: 12.345 },
  { type: "responded", ...MEMBER, method: "GET", path: "/", status: 200, fallback: false, durationMs: 13.25 },
  { type: "relayed", ...MEMBER, requestBytes: 70_000, responseBytes: 3_000_000_000, durationMs: 14.5 },
];
