/** One exchange of the node listener: from `IncomingMessage` to a request, from a response to `ServerResponse`. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderLine } from "../config/config.ts";
import { type ClientRequest, type ConnectionInfo, type RequestTarget, splitTarget } from "../http/client_request.ts";
import type { ClientResponse } from "../http/client_response.ts";
import { getHeader } from "../http/headers.ts";
import { acceptsTrailers, type Trailers } from "../http/trailers.ts";
import { protocolsOf } from "../http/upgrade.ts";
import { NodeBody } from "./node_body.ts";
import type { NodeConnection } from "./node_connection.ts";
import { SocketTunnelEnd } from "./node_tunnel.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Statuses without a body (RFC 9110 §6.4.1). */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 304]);
const LATIN1_MAX = 0xff;

/**
 * A client's request with its response. Also the information about its connection, because one object per request is
 * cheaper than two.
 */
export class NodeExchange implements ClientRequest, ConnectionInfo {
  readonly method: string;
  readonly httpVersion: string;
  readonly target: RequestTarget;
  readonly headers: readonly HeaderLine[];
  readonly remoteAddr: ConnectionInfo["remoteAddr"];
  readonly scheme: "http" | "https";
  /** Settles when the response has been sent, or cannot be sent any more. */
  readonly completed: Promise<void>;
  /** Protocols of the Upgrade field; absent if the connection cannot be upgraded. */
  readonly upgrade?: readonly string[];
  readonly takesTrailers: boolean;
  readonly #connection: NodeConnection;
  /** Bytes that arrived after the head of a request that can be upgraded. */
  readonly #head: Uint8Array | undefined;
  #complete = () => {};
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #isChunked: boolean;
  readonly #hasBody: boolean;
  #body: NodeBody | undefined;
  #abort: AbortController | undefined;
  #isDisconnected = false;
  /** Reader of the response's body while it is being sent. */
  #relay: ReadableStreamDefaultReader<Chunk> | undefined;

  /** `head` is present for a request that can be upgraded: the bytes after its head. */
  constructor(request: IncomingMessage, response: ServerResponse, connection: NodeConnection, head?: Uint8Array) {
    const lines = pairs(request.rawHeaders);
    this.method = request.method!;
    this.httpVersion = request.httpVersion;
    this.headers = lines;
    this.remoteAddr = connection.remoteAddr;
    this.scheme = connection.scheme;
    this.target = targetOf(request, getHeader(lines, "host"), connection.scheme);
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    const isChunked = this.#isChunked = getHeader(lines, "transfer-encoding") !== undefined;
    // The pieces of a body with a declared length are as large as the reads from the socket.
    if (isChunked) connection.joinChunks(request, this);
    // Bun's server cannot send them.
    this.takesTrailers = !("Bun" in globalThis) && request.httpVersion === "1.1" && acceptsTrailers(lines);
    this.#hasBody = isChunked ||
      (getHeader(lines, "content-length") ?? "0") !== "0";
    this.#head = head;
    if (head !== undefined) this.upgrade = protocolsOf(getHeader(lines, "upgrade") ?? "");
    this.completed = new Promise((resolve) => this.#complete = resolve);
    response.on("close", () => this.#onClose());
  }

  get protocol(): string {
    return `HTTP/${this.httpVersion}`;
  }

  get trailers(): (() => readonly HeaderLine[]) | undefined {
    return this.#isChunked ? () => pairs(this.#request.rawTrailers ?? []) : undefined;
  }

  get connection(): ConnectionInfo {
    return this;
  }

  get body(): ReadableStream<Chunk> | null {
    if (!this.#hasBody) return null;
    return (this.#body ??= new NodeBody(this.#request)).stream;
  }

  /** True until the request has been received completely. */
  get isArriving(): boolean {
    return this.#hasBody && !this.#request.complete;
  }

  /** True if the head of the response has been sent. */
  get hasResponded(): boolean {
    return this.#response.headersSent;
  }

  /** Bytes of the response that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#response.writableLength;
  }

  /**
   * True if bytes behind this request may have been lost. The parser of Deno 2.9 drops the rest of a read behind a
   * request whose Upgrade field is ignored.
   */
  get mayLoseNext(): boolean {
    if (this.upgrade !== undefined || !("Deno" in globalThis)) return false;
    const lines = this.headers;
    if (getHeader(lines, "upgrade") === undefined) return false;
    return !this.#request.complete || this.#connection.bytesSinceIdle !== this.usualBytes;
  }

  /** Bytes of the request with the usual spaces in its head; `undefined` for a body in chunks, which may be any. */
  get usualBytes(): number | undefined {
    if (this.#isChunked) return undefined;
    const lines = this.headers;
    let bytes = `${this.method} ${this.#request.url} HTTP/1.1\r\n\r\n`.length;
    for (const [name, value] of lines) bytes += name.length + value.length + ": \r\n".length;
    return this.#hasBody ? bytes + Number(getHeader(lines, "content-length")) : bytes;
  }

  /** Fails the body, which will not arrive any more. Returns false if the response is not the handler's to decide. */
  failBody(error: Error): boolean {
    if (!this.#hasBody || this.#response.headersSent) return false;
    (this.#body ??= new NodeBody(this.#request)).fail(error);
    return true;
  }

  /**
   * Sends bytes without a meaning: 100 (Continue), which every client must skip (RFC 9110 §15.2), or a leading zero of
   * the next chunk's size (RFC 9112 §7.1). HTTP/1.0 and bodies with a length have no such bytes.
   */
  probe(): boolean {
    const response = this.#response;
    if (this.httpVersion !== "1.1" || response.writableEnded) return false;
    if (!response.headersSent) response.writeContinue();
    else if (response.chunkedEncoding) this.#connection.socket.write("0");
    else return false;
    return true;
  }

  get signal(): AbortSignal {
    const abort = this.#abort ??= new AbortController();
    if (this.#isDisconnected) abort.abort();
    return abort.signal;
  }

  /** Sends the response. Resolves when it has been passed on completely, or the connection is closed. */
  async respond(reply: ClientResponse, isDraining: boolean): Promise<void> {
    if (reply.tunnel !== undefined) return this.#switchProtocols(reply);
    const { status, headers, body } = reply;
    const response = this.#response;
    if (this.#isDisconnected) {
      if (body instanceof ReadableStream) body.cancel().catch(() => {});
      return;
    }
    const isBodiless = this.method === "HEAD" || NULL_BODY_STATUSES.has(status);
    const lines: string[] = [];
    let lengthBytes: number | undefined;
    for (const [name, value] of headers) {
      if (name.length === 14 && name.toLowerCase() === "content-length") lengthBytes = Number(value);
      lines.push(name, value);
    }
    const isStream = body instanceof ReadableStream;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const trailers = this.takesTrailers && !isBodiless && lengthBytes === undefined ? reply.trailers : undefined;
    if (trailers !== undefined && trailers.announced.length > 0) lines.push("Trailer", trailers.announced.join(", "));
    const isChunked = isStream || (trailers !== undefined && trailers.read().length > 0);
    if (!isChunked && !isBodiless) {
      const actualBytes = (bytes as Chunk | null)?.length ?? 0;
      if (lengthBytes === undefined) lines.push("Content-Length", String(actualBytes));
      else if (lengthBytes !== actualBytes) throw new RangeError("The body differs from its Content-Length");
    }
    if (this.#connection.closesAfter(this, isDraining)) lines.push("Connection", "close");
    try {
      // node:http would add `Connection: keep-alive`, which is the default of HTTP/1.1.
      if (this.#connection.socket.readableEnded) response.shouldKeepAlive = false;
      else if (this.httpVersion === "1.1") response.removeHeader("connection");
      response.writeHead(status, lines);
    } catch (error) {
      if (isStream) body.cancel().catch(() => {});
      throw error;
    }
    if (!isStream) {
      if (bytes === null || isBodiless) response.end();
      else if (isChunked) this.#endWithTrailers(trailers!, bytes as Chunk);
      else response.end(bytes);
      return;
    }
    if (isBodiless) {
      body.cancel().catch(() => {});
      return void response.end();
    }
    await this.#relayBody(body, lengthBytes, trailers);
  }

  /** Ends the exchange with an empty 500, or cuts the connection if the response has begun. */
  fail(): void {
    const response = this.#response;
    if (response.headersSent) return void response.destroy();
    response.writeHead(500, ["Content-Length", "0", "Connection", "close"]);
    response.end();
  }

  /**
   * Sends a body. Waits for each write: the client sets the pace, and the service reuses its buffer after it is sent.
   */
  async #relayBody(
    body: ReadableStream<Chunk>,
    lengthBytes: number | undefined,
    trailers: Trailers | undefined,
  ): Promise<void> {
    const response = this.#response;
    const reader = this.#relay = body.getReader();
    let sentBytes = 0;
    let piece: Chunk | undefined;
    const write = (resolve: () => void) => response.write(piece, resolve);
    response.flushHeaders();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#isDisconnected) return;
        if (done) break;
        sentBytes += value.length;
        if (lengthBytes !== undefined && sentBytes > lengthBytes) throw new RangeError("The body exceeds its length");
        piece = value;
        await new Promise<void>(write);
        if (this.#isDisconnected) return;
      }
      if (lengthBytes !== undefined && sentBytes !== lengthBytes) throw new RangeError("The body is incomplete");
      if (trailers === undefined) response.end();
      else this.#endWithTrailers(trailers);
    } catch {
      // A truncated body must not look complete.
      this.#connection.cut();
      reader.cancel().catch(() => {});
    } finally {
      this.#relay = undefined;
    }
  }

  /** Ends a chunked body. Its trailers are written as received, one character per byte. */
  #endWithTrailers(trailers: Trailers, bytes?: Uint8Array): void {
    const response = this.#response;
    if (bytes !== undefined) response.write(bytes);
    response.addTrailers(trailers.read() as [string, string][]);
    response.end();
  }

  /** Sends a 101 response, and hands over the connection. The tunnel learns of a client that has disconnected. */
  #switchProtocols({ headers, tunnel }: ClientResponse): void {
    const { socket } = this.#connection;
    const end = new SocketTunnelEnd(socket, this.#head!);
    this.#response.detachSocket(socket);
    this.#connection.release();
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`, "latin1");
    this.#complete();
    tunnel!(end);
  }

  #onClose(): void {
    this.#complete();
    this.#connection.end(this);
    const isSent = this.#response.writableFinished;
    if (!isSent) {
      this.#isDisconnected = true;
      this.#abort?.abort();
      this.#relay?.cancel().catch(() => {});
    } else if (this.isArriving) {
      this.#connection.discardRest(this.#request, this.#body?.hasFailed === true);
    }
  }
}

function pairs(raw: readonly string[]): HeaderLine[] {
  const lines: HeaderLine[] = [];
  for (let index = 0; index < raw.length; index += 2) lines.push([raw[index]!, raw[index + 1]!]);
  return lines;
}

/**
 * Splits the target of a request line. `*` becomes the path that `Deno.serve` reports for it. llhttp refuses bytes
 * outside ASCII, but not in every version: such a target is decoded as UTF-8.
 */
function targetOf(
  { method, url = "" }: IncomingMessage,
  host: string | undefined,
  scheme: "http" | "https",
): RequestTarget {
  const target = toText(url);
  if (target === "*" && method === "OPTIONS") return { scheme, authority: host ?? "", path: "/*", query: "" };
  if (target.includes("://") && !target.startsWith("/")) return splitTarget(target, null);
  const end = indexOrEnd(target, "#");
  const queryStart = Math.min(indexOrEnd(target, "?"), end);
  return { scheme, authority: host ?? "", path: target.slice(0, queryStart), query: target.slice(queryStart, end) };
}

function indexOrEnd(text: string, character: string): number {
  const index = text.indexOf(character);
  return index === -1 ? text.length : index;
}

function toText(latin1: string): string {
  for (let index = 0; index < latin1.length; index++) {
    if (latin1.charCodeAt(index) < 0x80) continue;
    return new TextDecoder().decode(Uint8Array.from(latin1, (character) => character.charCodeAt(0) & LATIN1_MAX));
  }
  return latin1;
}
