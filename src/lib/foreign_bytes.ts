/** Bytes from code outside of conductor, which may pass any value and any kind of memory. */

const TYPED_ARRAY: object = Object.getPrototypeOf(Uint8Array.prototype);
/** Getters of the language, because subclasses may override the properties. */
const nameOf = getterOf(Symbol.toStringTag);
const bufferOf = getterOf("buffer");
const offsetOf = getterOf("byteOffset");
const lengthOf = getterOf("byteLength");

/**
 * Returns a `Uint8Array` as a plain one in memory of a fixed size that no other thread shares. Bytes in other memory
 * are copied. Subclasses (such as `Buffer`) and arrays of another realm are accepted. Returns `undefined` for any other
 * value, and for an array whose memory was transferred.
 */
export function plainBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (!ArrayBuffer.isView(value) || nameOf(value) !== "Uint8Array") return undefined;
  const buffer = bufferOf(value) as ArrayBufferLike;
  try {
    if (!(buffer instanceof ArrayBuffer) || buffer.resizable) return new Uint8Array(value as Uint8Array);
    const length = lengthOf(value) as number;
    const isPlain = length > 0 && Object.getPrototypeOf(value) === Uint8Array.prototype;
    return isPlain ? value as Uint8Array<ArrayBuffer> : new Uint8Array(buffer, offsetOf(value) as number, length);
  } catch {
    // The memory was transferred, or has become smaller than the array.
    return undefined;
  }
}

function getterOf(key: PropertyKey): (array: object) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(TYPED_ARRAY, key)!;
  return (array) => get!.call(array);
}
