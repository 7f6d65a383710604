/** A client that reads a response byte by byte, so that a truncated one can not pass for whole. */

import { Buffer } from "node:buffer";

/** A response as it was on the wire. */
export interface RawResponse {
  readonly status: number;
  /** The head's lines after the status line. */
  readonly lines: readonly string[];
  /** The body without its framing. */
  readonly body: string;
  /** Whether the framing says that nothing is missing. */
  readonly whole: boolean;
}

/** Sends raw bytes, which should ask for `Connection: close`, and reads what comes until the server closes. */
export async function exchangeOnce(port: number, request: string): Promise<RawResponse> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(request));
  return parseRawResponse(await readToEnd(connection));
}

/** Reads until the other side closes or resets. */
export async function readToEnd(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (let count; (count = await connection.read(buffer)) !== null;) {
      text += Buffer.from(buffer.subarray(0, count)).toString("latin1");
    }
  } catch {
    // A reset ends it as well as a close; the framing tells whether something is missing.
  }
  return text;
}

/** Takes a response apart (RFC 9112 §6.3). */
export function parseRawResponse(text: string): RawResponse {
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, Math.max(headEnd, 0)).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1] ?? 0);
  const rest = text.slice(headEnd + 4);
  const field = (name: string) =>
    lines.find((line) => line.toLowerCase().startsWith(`${name}: `))?.slice(name.length + 2);
  if (headEnd === -1) return { status, lines, body: "", whole: false };
  if (field("transfer-encoding") === "chunked") return { status, lines, ...parseChunks(rest) };
  const length = field("content-length");
  const isBodiless = status === 204 || status === 304;
  const whole = isBodiless || length === undefined ? rest === "" : rest.length === Number(length);
  return { status, lines, body: rest, whole };
}

function parseChunks(text: string): { body: string; whole: boolean } {
  let body = "";
  for (let at = 0;;) {
    const sizeEnd = text.indexOf("\r\n", at);
    const size = sizeEnd === -1 ? NaN : parseInt(text.slice(at, sizeEnd), 16);
    if (Number.isNaN(size)) return { body, whole: false };
    if (size === 0) return { body, whole: text.slice(sizeEnd) === "\r\n\r\n" };
    body += text.slice(sizeEnd + 2, sizeEnd + 2 + size);
    at = sizeEnd + 2 + size + 2;
    if (at > text.length) return { body, whole: false };
  }
}
