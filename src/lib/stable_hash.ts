/** A hash that every instance computes alike, in every version: sticky sampling rests on it. */

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const TWO_TO_32 = 4_294_967_296;
/** Can not be in a service's name. */
const SEPARATOR = "\n";

/**
 * Hashes a text, under another one that makes the result its own: the same text under two salts has results that have
 * nothing to do with each other. It is FNV-1a with 32 bits over the bytes of salt, line feed and text, as Latin-1 (each
 * half of a character above that counts as a byte), and MurmurHash3's finalizer, without which texts that differ in their
 * last character have neighbouring results.
 *
 * @example Usage
 * ```ts ignore
 * stableHash("v2", "user-1") === stableHash("v2", "user-1"); // here, and on every other machine
 * ```
 *
 * @param salt The salt, without a line feed.
 * @param text The text.
 * @returns A number from 0 up to, but not including, 1.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function stableHash(salt: string, text = ""): number {
  return finalize(addText(addText(addText(FNV_OFFSET_BASIS, salt), SEPARATOR), text)) / TWO_TO_32;
}

function addText(hash: number, text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    hash = Math.imul(hash ^ (code & 0xff), FNV_PRIME);
    if (code > 0xff) hash = Math.imul(hash ^ (code >> 8), FNV_PRIME);
  }
  return hash;
}

function finalize(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
