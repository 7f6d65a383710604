/** The upgraded connections of a running conductor, across reloads. */

/** Part of the shutdown's timeout after which tunnels are closed, 0 to 1. The rest is for the events of their ends. */
export const TUNNEL_GRACE_RATIO = 0.9;

/** A connection that a shutdown ends. */
export interface OpenTunnel {
  /** Sends a notice that the server is going away, if the protocol has one. */
  goAway(): void;
  /** Closes the connection at once. */
  close(): void;
}

/** All open tunnels. */
export class OpenTunnels {
  readonly #open = new Set<OpenTunnel>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  /** Number of open tunnels. */
  get count(): number {
    return this.#open.size;
  }

  /** Adds a tunnel. A shutdown that has begun applies to it too. */
  add(tunnel: OpenTunnel): void {
    this.#open.add(tunnel);
    if (this.#isDraining) tunnel.goAway();
  }

  /** Removes a tunnel that has ended. */
  delete(tunnel: OpenTunnel): void {
    this.#open.delete(tunnel);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Ends all tunnels: with a notice at once, and by force after the grace period. Resolves when none is left. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    for (const tunnel of [...this.#open]) tunnel.goAway();
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const tunnel of [...this.#open]) tunnel.close();
      }, graceMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
