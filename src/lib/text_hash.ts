/** A short hash of a text under a key: it tells two texts apart, and does not give them away. */

/** Two halves of a key, as random 32-bit numbers. */
export type HashKey = readonly [first: number, second: number];

/**
 * Hashes a text. For samples that people look at, not for signatures: two different texts have the same hash once in 65,536.
 *
 * @param text The text.
 * @param key What else goes in; random in each process.
 * @returns Four hexadecimal digits.
 */
export function textHash(text: string, [first, second]: HashKey): string {
  let hash = first ^ text.length;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ second, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) & 0xffff).toString(16).padStart(4, "0");
}
