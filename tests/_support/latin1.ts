/** Conversion between bytes and Latin-1 text, one character per byte, for readable assertion messages. */

/** Encodes text whose characters are all below 256. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    if (code > 255) throw new RangeError(`Cannot encode ${JSON.stringify(character)} as Latin-1`);
    return code;
  });
}

/** Decodes bytes. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += 4_096) {
    text += String.fromCharCode(...bytes.subarray(offset, offset + 4_096));
  }
  return text;
}
