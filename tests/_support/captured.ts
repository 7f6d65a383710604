/** Captured responses and rules for tests. */

import type { CapturedBody, CapturedOutcome } from "../../src/compare/captured_response.ts";
import { CompareRules } from "../../src/compare/rules.ts";
import type { CompareSettings, HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";

/** Parts of a captured response. */
export interface ResponseParts {
  /** The status. Default: 200. */
  readonly status?: number;
  /** Header lines beside the content type. Default: none. */
  readonly headers?: readonly HeaderLine[];
  /** The content type; `null` for none. Default: `application/json`. */
  readonly type?: string | null;
  /** The body, as text or bytes. Default: none. */
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

/** Returns the settings of a candidate for the value of `compare` in a configuration. */
export function compareSettings(compare: Readonly<Record<string, unknown>> = {}): CompareSettings {
  const services = [
    { name: "main", url: "http://localhost:1", primary: true },
    { name: "next", url: "http://localhost:2" },
  ];
  return validateConfig({ compare, services }).config.services[1]!.compare!;
}

/** Compiles the rules for the value of `compare` in a configuration, with a constant hash key. */
export function compareRules(compare: Readonly<Record<string, unknown>> = {}): CompareRules {
  return new CompareRules(compareSettings(compare), { key: [1, 2] });
}
