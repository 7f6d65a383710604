/** The buffers of a connection, for those that are made after it. */

import { HEAD_BUFFER_BYTES } from "./request_sender.ts";
import { BufferPool } from "../../lib/buffer_pool.ts";
import { READ_BUFFER_BYTES } from "./buffered_socket.ts";

/** Buffers for the connections of one owner. */
export class ConnectionBuffers {
  /** For what is read. */
  readonly read: BufferPool = new BufferPool(READ_BUFFER_BYTES);
  /** For the heads of requests. */
  readonly head: BufferPool = new BufferPool(HEAD_BUFFER_BYTES);
}
