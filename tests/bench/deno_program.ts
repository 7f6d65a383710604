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
 * @returns The running program.
 */
export async function startDenoProgram(path: string, args: readonly string[]): Promise<DenoProgram> {
  const flags = ["run", "--quiet", "--no-check", "--no-prompt", "--config", CONFIG, "--allow-net"];
  const child = startChild(Deno.execPath(), { args: [...flags, path, ...args], env: { NO_COLOR: "1" } });
  try {
    const [, announced] = await child.waitFor(/^listening on (.+)\n/m);
    return { child, announced: announced! };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
