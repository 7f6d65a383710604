/** HTTP/2 frames (RFC 9113 §4.1) and field blocks (RFC 7541), one character for each byte. */

/** Size of the head of a frame in bytes. */
export const FRAME_HEAD_BYTES = 9;
/** Types of frames. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
/** Flag of the last DATA or HEADERS frame of a message. */
export const END_STREAM = 1;
/** Flag of a HEADERS frame that no CONTINUATION follows. */
export const END_HEADERS = 4;
/** Flag of a SETTINGS or PING frame that confirms another. */
export const ACK = 1;

/** Encodes a frame. */
export function frame(type: number, flags: number, stream: number, payload: string): string {
  const { length } = payload;
  return String.fromCharCode(length >> 16, length >> 8 & 255, length & 255, type, flags) + uint32(stream) + payload;
}

/** Encodes a number in four bytes. */
export function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

/** Encodes fields as literals without compression. */
export function fieldBlock(fields: readonly (readonly [name: string, value: string])[]): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join("");
}

/** Encodes a string literal of up to 64 KiB (RFC 7541 §5.1 and §5.2). */
function text(value: string): string {
  let { length } = value;
  if (length < 127) return String.fromCharCode(length) + value;
  let prefix = "\x7f";
  for (length -= 127; length >= 128; length >>= 7) prefix += String.fromCharCode(length & 127 | 128);
  return prefix + String.fromCharCode(length) + value;
}
