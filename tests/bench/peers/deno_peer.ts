/** A peer that is a program of the bench. */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "../deno_program.ts";
import type { Load } from "../loads.ts";
import type { Peer } from "./peer.ts";

/** What is to be known of a program. */
export interface DenoPeerOptions {
  /** Its name in figures. */
  readonly name: string;
  /** Whether it can bear such a load. */
  can(load: Load): boolean;
}

/**
 * Makes a peer of a program that takes `--origins`, `--path` and `--wait`, and announces where it listens.
 *
 * @param file The program, next to this file.
 * @param options What is to be known of it.
 * @returns The peer.
 */
export function denoPeer(file: string, { name, can }: DenoPeerOptions): Peer {
  return {
    name,
    can,
    async start({ path, slowSecondary }, origins) {
      const wait = slowSecondary ? "primary" : "all";
      const { child, announced } = await startDenoProgram(
        fileURLToPath(new URL(file, import.meta.url)),
        ["--origins", origins.join(","), "--path", path, "--wait", wait],
      );
      return { url: announced, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
    },
  };
}
