/**
 * TLS without certificate verification.
 *
 * `Deno.startTls` always verifies the certificate chain. Therefore, `node:tls` encrypts here; it is loaded for the
 * first service that needs it. `node:tls` only transforms bytes and the connection stays Deno's, for two reasons:
 * `node:tls` reads without backpressure, and it does not distinguish a cut connection from one that ended (decision
 * 009).
 */

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { closeQuietly, type Socket } from "./buffered_socket.ts";

/** Decrypted bytes that wait to be read, above which the connection is not read. */
const MAX_UNREAD_BYTES = 65_536;

/** Maximum payload of a TLS record in bytes. */
const BUFFER_BYTES = 16_384;

/** Modules of the platform, loaded on demand. */
interface Platform {
  readonly Duplex: typeof import("node:stream").Duplex;
  readonly connect: typeof import("node:tls").connect;
}

/** Options of {@linkcode InsecureSocket.start}. */
export interface InsecureOptions {
  /** Server name. An IP address is not sent (RFC 6066 §3). */
  readonly serverName: string;
  /** Client certificate in PEM format; `undefined`: none. */
  readonly cert: string | undefined;
  /** Private key of `cert`. */
  readonly key: string | undefined;
}

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** Encrypted connection to a service whose certificate is not verified. */
export class InsecureSocket implements Socket {
  readonly #conn: Deno.Conn;
  readonly #encrypted: Duplex;
  readonly #stream: TLSSocket;
  readonly #secured = Promise.withResolvers<void>();
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #reading: PendingRead | undefined;
  #stopWriting: ((error: Error) => void) | undefined;
  /** State of reading from the connection; `held`: the stream wants bytes, but too many are unread. */
  #receiving: "no" | "yes" | "held" = "no";
  /** True after a TLS `close_notify` of the service. */
  #ended = false;
  /** True after the end of the connection, with or without `close_notify`. */
  #cut = false;
  #failure: Error | undefined;

  private constructor(conn: Deno.Conn, { serverName, cert, key }: InsecureOptions, { Duplex, connect }: Platform) {
    this.#conn = conn;
    this.#encrypted = new Duplex({
      read: () => void this.#receive(),
      write: (bytes: Uint8Array, _, done) => void writeAll(conn, bytes).then(() => done(), done),
    });
    this.#stream = connect({
      socket: this.#encrypted,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
      ...(isAddress(serverName) ? {} : { servername: serverName }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
    });
    this.#stream.once("secureConnect", this.#secured.resolve);
    this.#stream.on("readable", this.#serve);
    this.#stream.once("end", () => {
      this.#ended = true;
      this.#serve();
    });
    // Errors of the TLS stream itself are corrupt records or alerts.
    this.#stream.on("error", (error: Error) => this.#fail(new Deno.errors.InvalidData(error.message)));
    this.#encrypted.on("error", (error: Error) => this.#fail(error));
    this.#secured.promise.catch(() => {});
  }

  /** Starts the handshake. The socket takes over the connection. */
  static async start(conn: Deno.Conn, options: InsecureOptions): Promise<InsecureSocket> {
    const [{ Duplex }, { connect }] = await Promise.all([import("node:stream"), import("node:tls")]);
    return new InsecureSocket(conn, options, { Duplex, connect });
  }

  /** Resolves when the handshake is complete. Rejects if it fails, or after `close`. */
  handshake(): Promise<void> {
    return this.#secured.promise;
  }

  /**
   * Reads available bytes into the buffer; `null` after a `close_notify`. Rejects if the connection ends without one.
   */
  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#serve();
    });
  }

  /** Writes all bytes. */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#stopWriting = reject;
      this.#stream.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  /** Sends a `close_notify`. */
  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }

  /** Frees the descriptor. Pending reads and writes reject. */
  close(): void {
    closeQuietly(this.#conn);
    this.#fail(new Deno.errors.BadResource("The connection is closed"));
    this.#stream.destroy();
    this.#encrypted.destroy();
  }

  async #receive(): Promise<void> {
    if (this.#receiving === "yes" || this.#cut) return;
    this.#receiving = "yes";
    // The first call comes from the constructor, when `#stream` is not set yet.
    await undefined;
    if (this.#stream.readableLength >= MAX_UNREAD_BYTES) {
      this.#receiving = "held";
      return;
    }
    try {
      const count = await this.#conn.read(this.#buffer);
      this.#receiving = "no";
      if (count !== null) this.#encrypted.push(this.#buffer.slice(0, count));
      else this.#onCut();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Called when the connection ends. The TLS stream is not informed: it would take the end for a `close_notify`. */
  #onCut(): void {
    this.#cut = true;
    this.#serve();
  }

  readonly #serve = (): void => {
    if (this.#reading === undefined) return this.#failIfCut();
    const { buffer, resolve, reject } = this.#reading;
    const count = Math.min(buffer.length, this.#stream.readableLength);
    // A read without a size makes an empty stream read on, or emit `end`.
    const bytes: Uint8Array | null = this.#stream.read(count === 0 ? undefined : count);
    if (bytes === null && !this.#ended && this.#failure === undefined) return this.#failIfCut();
    this.#reading = undefined;
    if (bytes !== null) {
      buffer.set(bytes);
      resolve(bytes.length);
    } else if (this.#ended) resolve(null);
    else reject(this.#failure!);
    if (this.#receiving === "held") void this.#receive();
  };

  /**
   * Waits for the next turn of the event loop: by then, earlier bytes and a `close_notify` have passed the TLS stream.
   */
  #failIfCut(): void {
    if (!this.#cut || this.#failure !== undefined) return;
    setTimeout(() => {
      if (!this.#ended && this.#stream.readableLength === 0) this.#fail(new Deno.errors.UnexpectedEof());
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#secured.reject(this.#failure);
    this.#stopWriting?.(this.#failure);
    this.#serve();
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}
