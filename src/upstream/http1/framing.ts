/** Where a response's body ends (RFC 9112 §6.3), and whether its connection can be used again. */

import { getHeader, parseList } from "../../http/headers.ts";
import type { HeaderLine } from "../../config/config.ts";
import { repairHead } from "../response_head.ts";
import type { ResponseHead } from "./head_parser.ts";

/** A connection is given up this long before the backend means to, in milliseconds: a request takes time to get there. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** How a response goes on after its head. */
export interface Framing {
  /** The header lines that are relied on. */
  readonly lines: readonly HeaderLine[];
  /** The body's length in bytes; `"chunked"`, or `"close"` where the connection's end is the body's. */
  readonly body: number | "chunked" | "close";
  /** Whether another request may follow on the connection. */
  readonly persistent: boolean;
  /** How long the connection may then wait for it, in milliseconds, as far as the backend said. */
  readonly idleMs: number;
}

/**
 * Decides on a response's framing.
 *
 * @param head The response's head.
 * @param method The request's method.
 * @returns The framing, or `undefined` where the fields contradict each other in a way that has to be refused.
 */
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
  const persistent = !options.includes("close") && (head.minorVersion === 1 || options.includes("keep-alive"));
  const idleMs = keepAlive === "" ? Infinity : keepAliveMs(keepAlive);

  let { headers: lines }: { headers: readonly HeaderLine[] } = head;
  if (codings > 0 || lengths > 1 || (lengths === 1 && !/^\d{1,15}$/.test(length))) {
    // HTTP/1.0 has no transfer codings: who sends one has not understood what it sends.
    const repaired = codings > 0 && head.minorVersion === 0 ? undefined : repairHead(lines);
    if (repaired === undefined) return undefined;
    lines = repaired;
    length = getHeader(lines, "content-length") ?? "";
  }
  // Who sends both lengths may have been led to by someone who wants to be read differently by others (§6.3).
  const consistent = persistent && !(codings > 0 && lengths > 0);
  if (method === "HEAD" || head.status === 304) return { lines, body: 0, persistent: consistent, idleMs };
  // A body of 204 would be taken for the next response.
  if (head.status === 204) {
    return { lines, body: 0, persistent: consistent && codings === 0 && !(Number(length) > 0), idleMs };
  }
  if (codings > 0) return { lines, body: "chunked", persistent: consistent, idleMs };
  if (lengths > 0) return { lines, body: Number(length), persistent, idleMs };
  return { lines, body: "close", persistent: false, idleMs };
}

/** The whole name is lower-cased only where the length has left one candidate or two. */
function isNamed(name: string, field: string): boolean {
  return name === field || name.toLowerCase() === field;
}

/** `Keep-Alive: timeout=5` says when an idle connection will be closed (RFC 2068 §19.7.1). */
function keepAliveMs(value: string): number {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value)?.[1];
  return seconds === undefined ? Infinity : Math.max(0, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}
