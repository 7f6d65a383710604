/** The client's end of a tunnel, over the socket of an upgraded request. */

import type { Socket } from "node:net";
import type { TunnelEnd } from "../http/upgrade.ts";

/** One end of a tunnel. Reads on demand: the socket buffers one read, and then applies backpressure. */
export class SocketTunnelEnd implements TunnelEnd {
  readonly #socket: Socket;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  /** Takes over the socket. Bytes that arrived with the head are the first ones of `read`. */
  constructor(socket: Socket, head: Uint8Array) {
    this.#socket = socket;
    const wake = () => this.#wake?.();
    if (head.length > 0) socket.unshift(head);
    socket.on("readable", wake).on("end", wake).on("close", wake).on("error", (error) => this.#failure = error);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const socket = this.#socket;
    for (;;) {
      const chunk = socket.read() as Uint8Array<ArrayBuffer> | null;
      if (chunk !== null) return chunk;
      if (this.#failure !== undefined) throw this.#failure;
      if (socket.readableEnded || socket.destroyed) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(chunk, (error) => error ? reject(error) : resolve());
    });
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
