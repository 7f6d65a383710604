/** Captured responses, comparisons and comparison rules for tests. */

import type { CapturedBody, CapturedOutcome } from "../../src/compare/captured_response.ts";
import type { Comparison } from "../../src/compare/comparison.ts";
import type { Difference } from "../../src/compare/difference.ts";
import { CompareRules } from "../../src/compare/rules.ts";
import type { CompareSettings, HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";

/** Creates a captured response without headers and body. */
export function capturedStatus(status = 200, durationMs = 10): CapturedOutcome {
  return { ok: true, response: { status, headers: [], body: undefined, durationMs } };
}

/** Creates a comparison of `v2` with the primary that differs at the given paths. */
export function comparison(paths: readonly string[] = [], overrides: Partial<Comparison> = {}): Comparison {
  const differences = paths.map((path): Difference => ({ path, kind: "changed", expected: "1", actual: "2" }));
  return {
    requestId: "id-1",
    route: "pathPrefix /api",
    method: "GET",
    path: "/api/users/1",
    service: "v2",
    isNoise: false,
    expected: capturedStatus(),
    actual: capturedStatus(),
    differences,
    ...overrides,
  };
}

/** Parts of a captured response. */
export interface ResponseParts {
  /** Default: 200. */
  readonly status?: number;
  /** Header lines in addition to the content type. Default: none. */
  readonly headers?: readonly HeaderLine[];
  /** Content type; `null` for none. Default: `application/json`. */
  readonly type?: string | null;
  /** Body as text or bytes. Default: none. */
  readonly body?: string | Uint8Array;
  /** Overrides for the captured body. */
  readonly captured?: Partial<CapturedBody>;
}

/** Creates a captured response. */
export function capturedResponse(
  { status = 200, headers = [], type = "application/json", body, captured }: ResponseParts,
): CapturedOutcome {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return {
    ok: true,
    response: {
      status,
      headers: type === null ? headers : [["Content-Type", type], ...headers],
      body: bytes === undefined ? undefined : { bytes, length: bytes.length, cut: false, ...captured },
      durationMs: 1,
    },
  };
}

/** Returns the settings of a service for a `compare` section. */
export function compareSettings(compare: Readonly<Record<string, unknown>> = {}): CompareSettings {
  const services = [
    { name: "main", url: "http://localhost:1", primary: true },
    { name: "next", url: "http://localhost:2" },
  ];
  return validateConfig({ compare, services }).config.services[1]!.compare!;
}

/** Compiles the rules of a `compare` section, with a constant hash key. */
export function compareRules(compare: Readonly<Record<string, unknown>> = {}): CompareRules {
  return new CompareRules(compareSettings(compare), { key: [1, 2] });
}
