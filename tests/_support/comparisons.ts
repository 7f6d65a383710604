/** Comparisons as a test needs them. */

import type { CapturedOutcome } from "../../src/compare/response.ts";
import type { Comparison } from "../../src/compare/comparison.ts";
import type { Difference } from "../../src/compare/difference.ts";

/** Makes an answer with a status and a latency. */
export function answer(status = 200, durationMs = 10): CapturedOutcome {
  return { ok: true, response: { status, headers: [], body: undefined, durationMs } };
}

/** Makes a comparison of v2 with the primary that differs in these places. */
export function comparison(paths: readonly string[] = [], overrides: Partial<Comparison> = {}): Comparison {
  const differences = paths.map((path): Difference => ({ path, kind: "changed", expected: "1", actual: "2" }));
  return {
    requestId: "id-1",
    route: "pathPrefix /api",
    method: "GET",
    path: "/api/users/1",
    service: "v2",
    isNoise: false,
    expected: answer(),
    actual: answer(),
    differences,
    ...overrides,
  };
}
