/** Runs a generator's program to its end. */

/**
 * Runs a program.
 *
 * @param command The program.
 * @param args Its arguments.
 * @param signal Ends it before its time.
 * @returns What it has written.
 * @throws {Error} If it fails.
 */
export async function runGenerator(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const process = new Deno.Command(command, { args: [...args], stdin: "null", signal });
  const { success, stdout, stderr } = await process.output();
  signal.throwIfAborted();
  const [output, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`Cannot load with "${command}" as it has failed: ${complaint}${output}`);
  return output!;
}
