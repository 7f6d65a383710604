/** Check of the client certificates of all services, before the first request. */

import type { Service } from "../config/config.ts";
import type { ConfigProblem } from "../config/read/config_error.ts";

/** Reasons for people by a part of Deno's message. */
const REASONS: readonly (readonly [part: string, reason: string])[] = [
  ["KeyMismatch", "is not the private key of `cert`"],
  ["private key", "is not a readable private key"],
];

/** Returns the problems of client certificates and keys that Deno cannot use. */
export function clientCertificateProblems(services: readonly Pick<Service, "tls">[]): ConfigProblem[] {
  return services.flatMap(({ tls }, index) => {
    const { cert, key } = tls ?? {};
    if (cert === undefined || key === undefined) return [];
    try {
      Deno.createHttpClient({ cert, key }).close();
      return [];
    } catch (error) {
      const message = error instanceof Error ? error.message : "";
      const [, reason] = REASONS.find(([part]) => message.includes(part)) ?? [];
      const at = `services[${index}].tls`;
      return reason === undefined
        ? [{ path: `${at}.cert`, message: "is not a readable certificate" }]
        : [{ path: `${at}.key`, message: reason }];
    }
  });
}
