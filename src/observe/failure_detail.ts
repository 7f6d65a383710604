/** Details of failures for events: the platform's words, the address and the usual cause, without secrets. */

import type { Service } from "../config/config.ts";
import { causeOf } from "../http/failure_causes.ts";
import { FAILURE_KINDS, type FailureKind } from "../http/outcome_kinds.ts";
import { printable } from "../lib/printable.ts";
import { socketPath } from "../lib/unix_socket.ts";
import type { FailureDetail } from "./events.ts";
import type { Redaction } from "./redaction.ts";

/** Longer messages quote data of the service. */
const MAX_LENGTH = 300;
/** Maximum characters that are searched for secrets. */
const MAX_SEARCHED_LENGTH = 4_096;

const NO_DETAIL: FailureDetail = {};

/**
 * Returns the details of a failure. Aborts have none, because they say nothing about the service. A failure without
 * words of the platform is described by its kind.
 */
export function failureDetail(
  kind: FailureKind,
  error: unknown,
  { service, redaction }: { readonly service: Pick<Service, "origin" | "shown">; readonly redaction: Redaction },
): FailureDetail {
  if (kind === "aborted") return NO_DETAIL;
  const address = addressOf(service);
  // A custom transport may return anything.
  if (typeof error !== "string" || error === "") return { error: FAILURE_KINDS[kind].description, address };
  const words = shownWords(error, service, redaction);
  const cause = causeOf(words, address);
  return { error: truncate(words), address, ...(cause !== undefined && { cause: truncate(cause) }) };
}

/** Returns `host:port` or `unix:PATH` of a service; the URL with its placeholders if it is secret. */
export function addressOf({ origin, shown }: Pick<Service, "origin" | "shown">): string {
  if (shown.isUrlSecret) return shown.url;
  const path = socketPath(origin);
  if (path !== undefined) return `unix:${path}`;
  const { host, port, protocol } = new URL(origin);
  return port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
}

/** Returns words without secrets. The host of a secret URL may be too short to be found as a known secret. */
function shownWords(error: string, { origin, shown }: Pick<Service, "origin" | "shown">, redaction: Redaction): string {
  const words = error.slice(0, MAX_SEARCHED_LENGTH);
  const named = shown.isUrlSecret
    ? words.replaceAll(socketPath(origin) ?? new URL(origin).hostname, "[redacted]")
    : words;
  return printable(redaction.words(named));
}

function truncate(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : text;
}
