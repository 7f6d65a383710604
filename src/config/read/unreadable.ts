/** Why a file could not be read, in words. */

/** By the name of the error, so that any runtime's reader will do. */
const REASONS: Readonly<Record<string, string>> = {
  NotFound: "there is no such file",
  NotADirectory: "there is no such file",
  FilesystemLoop: "too many levels of symbolic links",
  IsADirectory: "it is a folder",
  NotAFile: "it is not a regular file",
  PermissionDenied: "permission denied",
  NotCapable: "Deno needs the flag --allow-read for it",
  FileTooLarge: "it is too large",
  TimeoutError: "reading it timed out",
  InvalidText: "it is not UTF-8 text",
};

/**
 * Explains an error of a file's reader.
 *
 * @param error What the reader threw; only its name counts.
 * @returns The reason, without the name of the file.
 */
export function whyUnreadable(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return Object.hasOwn(REASONS, name) ? REASONS[name]! : "it cannot be read";
}
