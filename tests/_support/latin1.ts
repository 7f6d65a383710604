/** Bytes as text, one character for each: what a test shows when it fails can then be read. */

/** The bytes of a text whose characters are below 256. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    if (code > 255) throw new RangeError(`Cannot make a byte of ${JSON.stringify(character)}`);
    return code;
  });
}

/** The text of some bytes. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  return text;
}
