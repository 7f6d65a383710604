/** The program that loads a peer: `wrk` where it is installed, else npm's `autocannon`. */

import { autocannon } from "./autocannon.ts";
import { hasCommand } from "./has_command.ts";
import type { Load } from "./loads.ts";
import { wrk } from "./wrk.ts";

/** One slice of a load. */
export interface Slice {
  /** Where the peer listens, without a path. */
  readonly origin: string;
  /** What it is loaded with. */
  readonly load: Load;
  /** How long, in whole seconds. */
  readonly seconds: number;
  /** Ends the generator before its time. */
  readonly signal: AbortSignal;
}

/** What a generator has seen. */
export interface SliceResult {
  /** Answers that were received whole. */
  readonly requests: number;
  /** Answers per second. */
  readonly requestsPerSecond: number;
  /** Half of the answers took no longer, in milliseconds. */
  readonly p50Ms: number;
  /** 99 of 100 answers took no longer, in milliseconds. */
  readonly p99Ms: number;
  /** Answers that did not have a good status. */
  readonly badStatuses: number;
  /** Connections that could not be made, broke or timed out. */
  readonly socketErrors: number;
}

/** A program that keeps connections busy. */
export interface LoadGenerator {
  /** Its name in figures. */
  readonly name: string;
  /** Loads a peer. */
  run(slice: Slice): Promise<SliceResult>;
}

/** Finds the generator of this machine. */
export async function findLoadGenerator(): Promise<LoadGenerator> {
  return await hasCommand("wrk", ["--version"]) ? wrk : autocannon;
}
