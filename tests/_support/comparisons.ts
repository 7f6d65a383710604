/** Comparisons for tests. */

import type { CapturedOutcome } from "../../src/compare/captured_response.ts";
import type { Comparison } from "../../src/compare/comparison.ts";
import type { Difference } from "../../src/compare/difference.ts";

/** Creates a captured response with a status and a latency. */
export function capturedResponse(status = 200, durationMs = 10): CapturedOutcome {
  return { ok: true, response: { status, headers: [], body: undefined, durationMs } };
}

/** Creates a comparison of v2 with the primary that differs at the given paths. */
export function comparison(paths: readonly string[] = [], overrides: Partial<Comparison> = {}): Comparison {
  const differences = paths.map((path): Difference => ({ path, kind: "changed", expected: "1", actual: "2" }));
  return {
    requestId: "id-1",
    route: "pathPrefix /api",
    method: "GET",
    path: "/api/users/1",
    service: "v2",
    isNoise: false,
    expected: capturedResponse(),
    actual: capturedResponse(),
    differences,
    ...overrides,
  };
}
