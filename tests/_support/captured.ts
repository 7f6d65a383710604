/** Answers as they are captured, for comparing. */

import type { CapturedBody, CapturedOutcome } from "../../src/compare/response.ts";
import { CompareRules } from "../../src/compare/rules.ts";
import type { CompareSettings, HeaderLine } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";

/** What an answer is made of; what is missing is as in most. */
export interface AnswerParts {
  /** The status. Default: 200. */
  readonly status?: number;
  /** Header lines beside the content type. Default: none. */
  readonly headers?: readonly HeaderLine[];
  /** The content type; `null` for none. Default: `application/json`. */
  readonly type?: string | null;
  /** The body, as text or bytes. Default: none. */
  readonly body?: string | Uint8Array;
  /** What is special about the captured body. */
  readonly captured?: Partial<CapturedBody>;
}

/**
 * Makes an answer.
 *
 * @param parts What it is made of.
 * @returns The answer.
 */
export function answer(
  { status = 200, headers = [], type = "application/json", body, captured }: AnswerParts,
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

/**
 * Makes settings as a configuration would.
 *
 * @param compare What it says under `compare`.
 * @returns The settings of a service that is compared.
 */
export function compareSettings(compare: Readonly<Record<string, unknown>> = {}): CompareSettings {
  const services = [
    { name: "main", url: "http://localhost:1", primary: true },
    { name: "next", url: "http://localhost:2" },
  ];
  return validateConfig({ compare, services }).config.services[1]!.compare!;
}

/**
 * Compiles rules as a configuration would have them.
 *
 * @param compare What it says under `compare`.
 * @returns The rules, with a key that is always the same.
 */
export function compareRules(compare: Readonly<Record<string, unknown>> = {}): CompareRules {
  return new CompareRules(compareSettings(compare), { key: [1, 2] });
}
