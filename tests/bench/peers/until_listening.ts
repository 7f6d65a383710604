/** Readiness of a server that does not announce it. */

import { delay } from "@std/async/delay";

const RETRY_MS = 10;

/**
 * Waits until somebody listens on a port of loopback.
 *
 * @param port The port.
 * @param ended Settles when the process that is to listen has ended.
 * @throws {Error} If it has ended before it listened.
 */
export async function untilListening(port: number, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  ended.then(() => hasEnded = true, () => hasEnded = true);
  while (!hasEnded) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await delay(RETRY_MS);
    }
  }
  throw new Error(`Cannot wait for port ${port} as the process has ended`);
}
