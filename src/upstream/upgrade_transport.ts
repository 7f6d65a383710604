/** Transport for upgrades in Node and Bun, whose `fetch` cannot switch protocols. */

import { BufferPool } from "../lib/buffer_pool.ts";
import { LoopTurns } from "../lib/loop_turns.ts";
import { Slab } from "../lib/slab.ts";
import { READ_BUFFER_BYTES } from "./http1/buffered_socket.ts";
import { Connection, type ConnectionListener } from "./http1/connection.ts";
import { endpointOf } from "./http1/dial.ts";
import { dialOverNode } from "./http1/node_socket.ts";
import { HEAD_BUFFER_BYTES } from "./http1/request_sender.ts";
import { TUNNEL_BUFFER_BYTES } from "./http1/upstream_tunnel.ts";
import { type Transport, UpstreamFailure } from "./transport.ts";

/** Time in milliseconds after which reading of bodies that are mostly framing yields to other work. */
const FRAMING_SLICE_MS = 4;

/**
 * Creates a transport that opens a connection for each request, and closes it after a response that is not a 101. The
 * connection is not kept, because all other requests go through `fetch`.
 */
export function upgradeTransport(): Transport {
  const shared: Omit<ConnectionListener, "authority"> = {
    detachBuffers: false,
    turns: new LoopTurns({ sliceMs: FRAMING_SLICE_MS, now: () => performance.now() }),
    slab: new Slab(),
    readBuffers: new BufferPool(READ_BUFFER_BYTES),
    headBuffers: new BufferPool(HEAD_BUFFER_BYTES),
    tunnelBuffers: new BufferPool(TUNNEL_BUFFER_BYTES),
    onIdle: (connection) => connection.close(),
    onStale: () => undefined,
  };
  return async (request) => {
    try {
      const endpoint = endpointOf(request);
      const socket = await dialOverNode(endpoint, request.cancellation ?? request.signal);
      return await new Connection(socket, { ...shared, authority: endpoint.authority }).exchange(request);
    } catch (error) {
      return { ok: false, kind: error instanceof UpstreamFailure ? error.kind : "protocol" };
    }
  };
}
