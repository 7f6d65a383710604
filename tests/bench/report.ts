/** What a run of the bench has found. */

import type { Figures } from "./figures.ts";
import type { Machine } from "./machine.ts";

/** One peer under one load. */
export interface PeerReport {
  /** The peer's name. */
  readonly peer: string;
  /** Its figures; missing where it can not bear the load. */
  readonly figures?: Figures;
}

/** All peers under one load. */
export interface LoadReport {
  /** The load's name. */
  readonly load: string;
  /** What it is, for people. */
  readonly title: string;
  /** The peers. */
  readonly peers: readonly PeerReport[];
}

/** A run, as `--json` writes it. */
export interface Report {
  /** When it began, as RFC 3339 in UTC. */
  readonly date: string;
  /** Where it ran. */
  readonly machine: Machine;
  /** What loaded the peers. */
  readonly generator: string;
  /** How many slices each peer had. */
  readonly slices: number;
  /** How long each was. */
  readonly seconds: number;
  /** Which peer the ratios are to. */
  readonly baseline: string;
  /** The loads. */
  readonly loads: readonly LoadReport[];
}
