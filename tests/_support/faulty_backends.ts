/** Backends that do wrong on their first request, each in one way, and are healthy from then on. */

import { type SocketConnection, startSocketBackend } from "./socket_backend.ts";

/** Misbehaves once the first request has arrived. */
export type Fault = (connection: SocketConnection) => Promise<void> | void;

/** A backend with a fault. */
export interface FaultyBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Makes one that refuses connections take them. */
  heal(): Promise<void>;
}

/** What a healed backend answers. */
export const HEALTHY_BODY = "healthy";

/** Starts a backend whose first request meets the fault; `undefined`: it refuses connections until healed. */
export async function startFaultyBackend(fault: Fault | undefined): Promise<FaultyBackend> {
  let requests = 0;
  const backend = await startSocketBackend(async (_, connection) => {
    if (++requests === 1 && fault !== undefined) return await fault(connection);
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${HEALTHY_BODY.length}\r\n\r\n${HEALTHY_BODY}`);
  });
  if (fault === undefined) await backend.listen(false);
  return { ...backend, heal: () => backend.listen(true) };
}
