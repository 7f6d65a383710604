/** What a person typed and conductor does not understand. */

/** A mistake on the command line; the process exits with 2. */
export class UsageError extends Error {
  /** The error's name. */
  override readonly name = "UsageError";
}

/** What a command can not do, in one sentence for a person; the process exits with 1. */
export class CommandError extends Error {
  /** The error's name. */
  override readonly name = "CommandError";
}
