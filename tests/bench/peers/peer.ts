/** Peers of the benchmark: the programs that are measured. */

import { isPlain, type Load } from "../loads.ts";

/** A program to measure. */
export interface Peer {
  /** Name in reports. */
  readonly name: string;
  /** Reports whether the peer can handle a load. */
  supports(load: Load): boolean;
  /** Starts the peer for a load. The first origin is the primary's. */
  start(load: Load, origins: readonly string[]): Promise<RunningPeer>;
}

/** The processes of a peer. Disposal stops them. */
export interface RunningPeer extends AsyncDisposable {
  /** Origin that the peer listens on. */
  readonly url: string;
  /** Process id of the peer, possibly with child processes; `undefined` if unknown. */
  readonly pid: number | undefined;
}

const FORM = /^(?<name>[\w.-]+)=(?<url>https?:\/\/[^,]+?)\/?(?:,(?<pid>\d+))?$/;

/** Options of {@linkcode externalPeer}. */
export interface ExternalPeerOptions {
  /** Names of loads that the peer has been set up for. It supports all plain loads in addition. */
  readonly loads: readonly string[];
}

/** Parses `NAME=URL[,PID]`, a peer that is already running. Without its process id, CPU and memory are not measured. */
export function externalPeer(text: string, { loads }: ExternalPeerOptions): Peer {
  const { name, url, pid } = FORM.exec(text)?.groups ?? {};
  if (name === undefined || url === undefined) {
    throw new Error(`--peer must be NAME=URL[,PID]: found "${text}"`);
  }
  return {
    name,
    supports: (load) => isPlain(load) || loads.includes(load.name),
    start: () => Promise.resolve({ url, pid: pid === undefined ? undefined : Number(pid), ...NOTHING_TO_DISPOSE }),
  };
}

const NOTHING_TO_DISPOSE: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };
