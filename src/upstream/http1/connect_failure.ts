/** Failure kinds of connections that could not be opened. */

import type { FailureKind } from "../../http/outcome_kinds.ts";
import { errorWords, UpstreamFailure } from "../transport.ts";

/** Failure kinds by the code of the runtime's error. */
const CONNECT_FAILURES: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: "refused",
  ENETUNREACH: "refused",
  EHOSTUNREACH: "refused",
  ECONNRESET: "reset",
  ETIMEDOUT: "timeout",
  EMFILE: "no-descriptors",
  ENFILE: "no-descriptors",
  EADDRNOTAVAIL: "no-ports",
  ENOBUFS: "no-descriptors",
};

/** Returns the failure of an error of `Deno.connect`. */
export function connectFailure(error: unknown): UpstreamFailure {
  return new UpstreamFailure(kindOf(error), errorWords(error));
}

/** Returns the failure of an error of `Deno.connectTls`, which also checks the certificate and the key. */
export function connectTlsFailure(error: unknown): UpstreamFailure {
  const isCertificate = (error instanceof Error && error.name === "InvalidData") ||
    (error instanceof Error && /certificate|keys may|private key/i.test(error.message));
  return isCertificate ? new UpstreamFailure("tls", errorWords(error)) : connectFailure(error);
}

function kindOf(error: unknown): FailureKind {
  if (!(error instanceof Error)) return "reset";
  const { code } = error as { code?: string };
  const kind = CONNECT_FAILURES[code ?? ""];
  if (kind !== undefined) return kind;
  if (error.name === "ConnectionRefused" || error.name === "NotCapable") return "refused";
  if (error.name === "TimedOut") return "timeout";
  return /lookup|dns|resolve/i.test(error.message) ? "dns" : "refused";
}
