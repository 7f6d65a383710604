/** Check of all certificates and private keys of a configuration, before the first request. */

import type { Config } from "../config/config.ts";
import type { ConfigProblem } from "../config/read/config_error.ts";

/** A certificate with its key, or a list of certificate authorities. */
interface Pems {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

/** Reasons for people by a part of Deno's message. */
const REASONS: readonly (readonly [part: string, reason: string])[] = [
  ["KeyMismatch", "is not the private key of `cert`"],
  ["private key", "is not a readable private key"],
];

/**
 * Returns the problems of certificates and keys that Deno cannot use: those of the listener, and those of services.
 * Empty in other runtimes, whose listeners report them.
 */
export function certificateProblems({ tls, services }: Pick<Config, "services" | "tls">): ConfigProblem[] {
  return "Deno" in globalThis
    ? [
      ...problemsOf(tls, "tls"),
      ...services.flatMap((service, index) => problemsOf(service.tls, `services[${index}].tls`)),
    ]
    : [];
}

function problemsOf({ cert, key, ca }: Pems = {}, at: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (cert !== undefined && key !== undefined) {
    const error = errorOf({ cert, key });
    const [, reason] = REASONS.find(([part]) => error?.includes(part)) ?? [];
    if (reason !== undefined) problems.push({ path: `${at}.key`, message: reason });
    else if (error !== undefined) problems.push({ path: `${at}.cert`, message: "is not a readable certificate" });
  }
  if (ca !== undefined && errorOf({ caCerts: [ca] }) !== undefined) {
    problems.push({ path: `${at}.ca`, message: "has a certificate that is not readable" });
  }
  return problems;
}

/** Returns the message of the error with which Deno rejects certificates. */
function errorOf(options: Deno.CreateHttpClientOptions | (Deno.CreateHttpClientOptions & Deno.TlsCertifiedKeyPem)) {
  try {
    Deno.createHttpClient(options).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
