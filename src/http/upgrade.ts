/** Connections that were upgraded to another protocol (RFC 9110 §7.8). */

/** One end of a tunnel: bytes in both directions, with backpressure. */
export interface TunnelEnd {
  /** Returns the next bytes of the peer, valid until the next call; `null` after its end. Rejects if the connection failed. */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Sends bytes; resolves when more may be sent. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the sending direction (half-close). */
  end(): void;
  /** Closes both directions at once. */
  destroy(): void;
}
