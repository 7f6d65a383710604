/** A program of the bench as a process of its own, with no more permissions than a server needs. */

import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../_support/child.ts";

/** A program that listens. */
export interface DenoProgram {
  /** Its process. */
  readonly child: Child;
  /** What it has announced: where it listens. */
  readonly announced: string;
}

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/**
 * Starts a program and waits until it announces that it listens, with `listening on …`.
 *
 * @param path The program's file.
 * @param args Its arguments.
 * @param niceness How far it gives way to other processes, 0 to 19, as `nice` has it.
 * @returns The running program.
 */
export async function startDenoProgram(path: string, args: readonly string[], niceness = 0): Promise<DenoProgram> {
  const flags = ["run", "--quiet", "--no-check", "--no-prompt", "--config", CONFIG, "--allow-net"];
  const command = [...(niceness > 0 ? ["nice", "-n", `${niceness}`] : []), Deno.execPath(), ...flags, path, ...args];
  const child = startChild(command[0]!, { args: command.slice(1), env: { NO_COLOR: "1" } });
  try {
    const [, announced] = await child.waitFor(/^listening on (.+)\n/m);
    return { child, announced: announced! };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
