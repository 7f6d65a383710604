/** Comparison of secrets. */

/**
 * Reports whether two texts are equal, in a time that depends only on the length of the given text.
 *
 * @param given Text from a client.
 * @param secret Text to compare it with.
 */
export function equalsSecret(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length;
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ secret.charCodeAt(at % secret.length);
  return difference === 0 && secret !== "";
}
