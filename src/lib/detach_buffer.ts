/** Release of memory outside the heap without waiting for a collection. */

/** Minimum size of a detached buffer in bytes. For smaller ones, the call costs more than it saves. */
const MIN_DETACHED_BYTES = 8_192;
/** False in Node 20, where the memory is left to the collector. */
const CAN_TRANSFER = "transfer" in ArrayBuffer.prototype;

/**
 * Detaches a buffer, which frees its memory at once. Otherwise, V8 lets about 64 MiB of dead buffers pile up. Native
 * code that still uses the bytes keeps them alive; scripts see an empty buffer.
 */
export function detachBuffer(buffer: ArrayBuffer): void {
  if (buffer.byteLength >= MIN_DETACHED_BYTES && CAN_TRANSFER) buffer.transfer(0);
}
