/** A port for somebody who must be told which one to listen on. */

/** Below what the kernel gives to those who ask for any port, so that no other test gets it in the meantime. */
const [FIRST, COUNT] = [20_000, 12_000];

/**
 * Finds a port on loopback where nobody listens.
 *
 * @returns The port.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
