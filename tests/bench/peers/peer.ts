/** What the bench knows of a peer. */

import type { Load } from "../loads.ts";

/** A peer that is loaded. */
export interface Peer {
  /** Its name in figures. */
  readonly name: string;
  /** Whether it can bear such a load. */
  can(load: Load): boolean;
  /** Starts it for a load; the first of the backends' origins is the primary's. */
  start(load: Load, origins: readonly string[]): Promise<RunningPeer>;
}

/** A peer's processes; disposing of them stops them. */
export interface RunningPeer extends AsyncDisposable {
  /** Where it listens, without a path. */
  readonly url: string;
  /** Its process, of which others may be children; `undefined` where it is not known. */
  readonly pid: number | undefined;
}
