/** Whose success is worth as much as whose. */

import type { Role } from "../config/config.ts";

/**
 * Compares the answers of two roles.
 *
 * @param role The role of a service that has answered.
 * @param other Another role.
 * @returns Whether a success of the other role could not be the better answer.
 */
export function isAtLeastAsPreferred(role: Role, other: Role): boolean {
  return role === "primary" || role === other;
}
