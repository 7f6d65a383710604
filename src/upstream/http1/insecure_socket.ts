/**
 * TLS with whoever answers. `Deno.startTls` verifies the chain in any case, so the platform's `node:tls` encrypts here,
 * loaded for the first service that asks for it. It only gets to see bytes: the connection stays Deno's, as `node:tls`
 * reads on when nobody takes what has come, and does not tell a connection that was cut from one that has ended
 * (docs/decisions/009-upstream-tls.md).
 */

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { closeQuietly, type Socket } from "./socket.ts";

/** How much may be read and not asked for yet, in bytes: above it, reading waits. */
const MAX_UNREAD_BYTES = 65_536;

/** As much as a TLS record holds, in bytes. */
const BUFFER_BYTES = 16_384;

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to a backend of which nothing is verified. */
export class InsecureSocket implements Socket {
  readonly #conn: Deno.TcpConn;
  readonly #encrypted: Duplex;
  readonly #stream: TLSSocket;
  readonly #secured = Promise.withResolvers<void>();
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #reading: PendingRead | undefined;
  #stopWriting: ((error: Error) => void) | undefined;
  /** Whether bytes are being read from the connection, or are wanted and not read as enough is unread. */
  #receiving: "no" | "yes" | "held" = "no";
  /** Whether the backend has said that nothing more comes. */
  #ended = false;
  /** Whether the connection has ended, said or not. */
  #cut = false;
  #failure: Error | undefined;

  private constructor(conn: Deno.TcpConn, serverName: string, { Duplex, connect }: Platform) {
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
    });
    this.#stream.once("secureConnect", this.#secured.resolve);
    this.#stream.on("readable", this.#serve);
    this.#stream.once("end", () => {
      this.#ended = true;
      this.#serve();
    });
    // Whatever the stream itself complains of is a broken record or an alert.
    this.#stream.on("error", (error: Error) => this.#fail(new Deno.errors.InvalidData(error.message)));
    this.#encrypted.on("error", (error: Error) => this.#fail(error));
    this.#secured.promise.catch(() => {});
  }

  /**
   * Begins to shake hands.
   *
   * @param conn The connection; it is closed by {@linkcode InsecureSocket.close} only.
   * @param serverName The name to ask for; an address is none, and nothing is asked for then (RFC 6066 §3).
   * @returns The connection; {@linkcode InsecureSocket.handshake} tells when it can be used.
   */
  static async start(conn: Deno.TcpConn, serverName: string): Promise<InsecureSocket> {
    const [{ Duplex }, { connect }] = await Promise.all([import("node:stream"), import("node:tls")]);
    return new InsecureSocket(conn, serverName, { Duplex, connect });
  }

  /** Fulfilled when both sides have agreed on keys; rejects where they do not, or once closed. */
  handshake(): Promise<void> {
    return this.#secured.promise;
  }

  /** Reads what is there, at most the buffer full; `null` where the backend has said that it was all. */
  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#serve();
    });
  }

  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#stopWriting = reject;
      this.#stream.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  /** Gives the descriptor back; what is pending rejects. */
  close(): void {
    closeQuietly(this.#conn);
    this.#fail(new Deno.errors.BadResource("The connection is closed"));
    this.#stream.destroy();
    this.#encrypted.destroy();
  }

  async #receive(): Promise<void> {
    if (this.#receiving === "yes" || this.#cut) return;
    this.#receiving = "yes";
    // The first bytes are wanted while the stream is still being made.
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

  /** The stream is not told: it would take the end of the connection for one that the backend has said. */
  #onCut(): void {
    this.#cut = true;
    this.#serve();
  }

  readonly #serve = (): void => {
    if (this.#reading === undefined) return this.#giveUpIfCut();
    const { buffer, resolve, reject } = this.#reading;
    const count = Math.min(buffer.length, this.#stream.readableLength);
    // Without a length, an empty stream is told to read on, or to say that it has ended.
    const bytes: Uint8Array | null = this.#stream.read(count === 0 ? undefined : count);
    if (bytes === null && !this.#ended && this.#failure === undefined) return this.#giveUpIfCut();
    this.#reading = undefined;
    if (bytes !== null) {
      buffer.set(bytes);
      resolve(bytes.length);
    } else if (this.#ended) resolve(null);
    else reject(this.#failure!);
    if (this.#receiving === "held") void this.#receive();
  };

  /** Everything that came before is in the stream by the next turn, an end that was said included. */
  #giveUpIfCut(): void {
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

/** What is used of the platform. */
interface Platform {
  readonly Duplex: typeof import("node:stream").Duplex;
  readonly connect: typeof import("node:tls").connect;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}
