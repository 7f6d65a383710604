/** Memory of bodies, given back before the next collection. */

/** What is smaller is not worth the call, in bytes. */
const MIN_RECLAIMED_BYTES = 8_192;

/**
 * Gives a buffer's memory back at once; V8 lets some 64 MiB of such buffers pile up. Native code that still reads the
 * bytes keeps them alive; the script sees an empty buffer from then on.
 *
 * @param buffer A buffer that nothing in the script will look at again.
 */
export function detachBuffer(buffer: ArrayBuffer): void {
  if (buffer.byteLength >= MIN_RECLAIMED_BYTES) buffer.transfer(0);
}
