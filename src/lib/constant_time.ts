/** Comparison of secrets without a timing side channel. */

/**
 * Reports whether two texts are equal. The time depends only on the length of the given text, so a client cannot guess
 * the secret character by character. An empty secret equals nothing.
 *
 * @example Usage
 * ```ts ignore
 * equalsSecret(request.headers.get("x-token") ?? "", token);
 * ```
 */
export function equalsSecret(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length;
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ secret.charCodeAt(at % secret.length);
  return difference === 0 && secret !== "";
}
