/** Whether a program is installed. */

/**
 * Tells whether a program can be run.
 *
 * @param command The program.
 * @param args Arguments with which it ends at once.
 * @returns Whether it is there; how it ends does not matter.
 */
export async function hasCommand(command: string, args: readonly string[]): Promise<boolean> {
  try {
    await new Deno.Command(command, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}
