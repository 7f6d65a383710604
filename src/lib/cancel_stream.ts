/** Cancellation of streams that are not needed any more. */

/**
 * Cancels a stream or its reader. Errors are ignored, also those of an object that only looks like a stream: a promise
 * that rejects without a handler ends the process.
 */
export async function cancelStream(stream: Pick<ReadableStream, "cancel">): Promise<void> {
  try {
    await stream.cancel();
  } catch {
    // Nothing more is read.
  }
}
