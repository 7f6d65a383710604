/** Hosts that only programs of the same machine can reach. */

/**
 * Tells whether a host is this machine, for nobody else.
 *
 * @param hostname A host name or an address, IPv6 with or without brackets.
 * @returns Whether it is a loopback address, or a name for one (RFC 6761 §6.3).
 */
export function isLoopback(hostname: string): boolean {
  const pattern = /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[?::1\]?|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]+\])$/;
  return pattern.test(hostname);
}
