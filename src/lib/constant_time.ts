/** Comparison of secrets. */

/**
 * Reports whether two texts are equal, in a time that depends on the length of the given one alone.
 *
 * @param given What a client sent.
 * @param secret What it is compared with.
 */
export function equalsSecret(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length;
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ secret.charCodeAt(at % secret.length);
  return difference === 0 && secret !== "";
}
