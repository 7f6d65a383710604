/** A connection to a backend, as bytes in either direction. */

/** Of a connection, what is used: `Deno.Conn` has it all. */
export interface Socket {
  /**
   * Reads what is there, at most the buffer full; `null` at the end. Rejects once closed, and with
   * `Deno.errors.InvalidData` where its security breaks.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, and says how many. Rejects as reading does. */
  write(bytes: Uint8Array): Promise<number>;
  /** Gives the descriptor back; what is pending rejects. */
  close(): void;
}

/** Of two ways to close, the second finds nothing. */
export function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch {
    // It has been closed before.
  }
}
