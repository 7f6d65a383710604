/** Framing of responses: the end of the body (RFC 9112 §6.3), and the reuse of the connection (§9.3). */

import type { HeaderLine } from "../../config/config.ts";
import { getHeader, parseList } from "../../http/headers.ts";
import { repairHead } from "../response_head.ts";
import type { ResponseHead } from "./head_parser.ts";

/** Safety margin in milliseconds before the announced idle timeout, because a request takes time to arrive. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Framing of one response. */
export interface Framing {
  /** Header list without contradictory framing headers. */
  readonly headers: readonly HeaderLine[];
  /** Length of the body in bytes; `"close"` if the end of the connection ends the body. */
  readonly body: number | "chunked" | "close";
  /** True if another request may follow on the connection. */
  readonly isPersistent: boolean;
  /** Maximum idle time of the connection in milliseconds, if the service announced one; otherwise infinite. */
  readonly keepAliveTimeoutMs: number;
}

/** Determines the framing of a response to `method`; `undefined` if the response must be refused. */
export function frameResponse(head: ResponseHead, method: string): Framing | undefined {
  let lengths = 0;
  let codings = 0;
  let length = "";
  let connection = "";
  let keepAlive = "";
  for (const [name, value] of head.headers) {
    switch (name.length) {
      case 10:
        if (isNamed(name, "connection")) connection += `,${value}`;
        else if (isNamed(name, "keep-alive")) keepAlive = value;
        break;
      case 14:
        if (isNamed(name, "content-length") && ++lengths > 0) length = value;
        break;
      case 17:
        if (isNamed(name, "transfer-encoding")) codings++;
    }
  }
  const options = connection === "" ? [] : parseList(connection);
  const isPersistent = !options.includes("close") && (head.minorVersion === 1 || options.includes("keep-alive"));
  const keepAliveTimeoutMs = keepAlive === "" ? Infinity : keepAliveMs(keepAlive);

  let { headers }: { headers: readonly HeaderLine[] } = head;
  if (codings > 0 || lengths > 1 || (lengths === 1 && !/^\d{1,15}$/.test(length))) {
    // HTTP/1.0 has no transfer codings (RFC 9112 §6.1), so the framing of such a response is faulty.
    const repaired = codings > 0 && head.minorVersion === 0 ? undefined : repairHead(headers);
    if (repaired === undefined) return undefined;
    headers = repaired;
    length = getHeader(headers, "content-length") ?? "";
  }
  // A response with both framings may be an attempt at response splitting: it must not share its connection (§6.3).
  const isTrusted = isPersistent && !(codings > 0 && lengths > 0);
  if (method === "HEAD" || head.status === 304) {
    return { headers, body: 0, isPersistent: isTrusted, keepAliveTimeoutMs };
  }
  // If a 204 has a body, it would be read as the next response.
  if (head.status === 204) {
    const hasNoBody = codings === 0 && !(Number(length) > 0);
    return { headers, body: 0, isPersistent: isTrusted && hasNoBody, keepAliveTimeoutMs };
  }
  if (codings > 0) return { headers, body: "chunked", isPersistent: isTrusted, keepAliveTimeoutMs };
  if (lengths > 0) return { headers, body: Number(length), isPersistent, keepAliveTimeoutMs };
  return { headers, body: "close", isPersistent: false, keepAliveTimeoutMs };
}

/** Callers check the length first, so that few names are converted to lower case. */
function isNamed(name: string, field: string): boolean {
  return name === field || name.toLowerCase() === field;
}

/**
 * Reads `Keep-Alive: timeout=5`, the time in seconds after which the service closes an idle connection (RFC 2068
 * §19.7.1).
 */
function keepAliveMs(value: string): number {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value)?.[1];
  return seconds === undefined ? Infinity : Math.max(0, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}
