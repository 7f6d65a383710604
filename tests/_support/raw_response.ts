/** Clients that read raw bytes from the connection, so that a truncated response cannot pass for a complete one. */

import { Buffer } from "node:buffer";

/** A response as received on the wire. */
export interface RawResponse {
  readonly status: number;
  /** Header lines. */
  readonly lines: readonly string[];
  /** Body without its framing. */
  readonly body: string;
  /** True if the framing is complete. */
  readonly whole: boolean;
}

/** Sends raw bytes, which should contain `Connection: close`, and reads the response until the server closes. */
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
    // A reset ends the response like a close. The framing shows whether bytes are missing.
  }
  return text;
}

/** Parses a response (RFC 9112 §6.3). */
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
  for (let offset = 0;;) {
    const sizeEnd = text.indexOf("\r\n", offset);
    const size = sizeEnd === -1 ? NaN : parseInt(text.slice(offset, sizeEnd), 16);
    if (Number.isNaN(size)) return { body, whole: false };
    if (size === 0) return { body, whole: text.slice(sizeEnd) === "\r\n\r\n" };
    body += text.slice(sizeEnd + 2, sizeEnd + 2 + size);
    offset = sizeEnd + 2 + size + 2;
    if (offset > text.length) return { body, whole: false };
  }
}

/**
 * Requests a path on a new connection, and discards the response until the server or the signal closes it. It takes
 * little CPU time in the process of the test.
 */
export async function readRaw(url: string, path: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  const buffer = new Uint8Array(262_144);
  try {
    await connection.write(
      new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: conductor\r\nConnection: close\r\n\r\n`),
    );
    // A read of available bytes resolves at once, so only a timer lets other tasks run.
    while (await connection.read(buffer) !== null) await new Promise((resolve) => setTimeout(resolve));
  } catch {
    // The attack is over, or conductor has cut the response.
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) connection.close();
  }
}
