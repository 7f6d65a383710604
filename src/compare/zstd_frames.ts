/** Boundaries of Zstandard frames (RFC 8878 §3.1). */

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE_BLOCK = 1;

/**
 * Returns the frames of a body, without skippable frames.
 *
 * @throws {RangeError} If the bytes are no frames, or the last one is incomplete.
 */
export function splitZstdFrames(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const magic = view.getUint32(at, true);
    if ((magic & ~0xf) === SKIPPABLE_MAGIC) {
      at += 8 + view.getUint32(at + 4, true);
      if (at > bytes.length) throw new RangeError("Cannot decode the body: a skippable frame is incomplete");
      continue;
    }
    if (magic !== MAGIC) throw new RangeError("Cannot decode the body: it is not Zstandard");
    const end = frameEnd(view, at);
    if (end > bytes.length) throw new RangeError("Cannot decode the body: a frame is incomplete");
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** Returns the end of a frame, which is beyond the end of the bytes if the frame is incomplete. */
function frameEnd(view: DataView, start: number): number {
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSize = CONTENT_SIZE_BYTES[(descriptor >> 6) as 0 | 1 | 2 | 3];
  let at = start + 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  at += contentSize === 0 && isSingleSegment ? 1 : contentSize;
  for (;;) {
    const header = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
    const isRle = (header >> 1 & 3) === RLE_BLOCK;
    at += 3 + (isRle ? 1 : header >> 3);
    if ((header & 1) === 1) break;
  }
  const hasChecksum = (descriptor & 0x04) !== 0;
  return hasChecksum ? at + 4 : at;
}
