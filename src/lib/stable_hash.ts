/** A hash that is the same on every instance and in every version. Sticky sampling depends on it. */

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const TWO_TO_32 = 4_294_967_296;
/** Not allowed in the name of a service. */
const SEPARATOR = "\n";

/**
 * Hashes a text to a number from 0 up to, but not including, 1. Hashes of one text under two salts are independent. The
 * salt must not contain a line feed.
 *
 * The hash is FNV-1a with 32 bits over the Latin-1 bytes of salt, line feed and text. A character above U+00FF counts
 * as two bytes. MurmurHash3's finalizer follows, because texts that differ only at the end have similar FNV hashes.
 *
 * @example Usage
 * ```ts ignore
 * stableHash("v2", "user-1") === stableHash("v2", "user-1"); // on every machine
 * ```
 *
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function stableHash(salt: string, text = ""): number {
  return finalize(addText(addText(addText(FNV_OFFSET_BASIS, salt), SEPARATOR), text)) / TWO_TO_32;
}

function addText(hash: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
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
