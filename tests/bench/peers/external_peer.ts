/** A peer that somebody else has started, in front of the bench's backends or of its own. */

import { isPlain } from "../loads.ts";
import type { Peer } from "./peer.ts";

const FORM = /^(?<name>[\w.-]+)=(?<url>https?:\/\/[^,]+?)\/?(?:,(?<pid>\d+))?$/;

/** Which loads it is given. */
export interface ExternalPeerOptions {
  /** Names of loads that were asked for; its owner has set it up for these. It bears all plain loads besides. */
  readonly asked: readonly string[];
}

/**
 * Reads `NAME=URL[,PID]`. Without the id of its process, CPU and memory of it are not known.
 *
 * @param text The value of `--peer`.
 * @param options Which loads it is given.
 * @returns The peer.
 * @throws {Error} If the text has another form.
 */
export function externalPeer(text: string, { asked }: ExternalPeerOptions): Peer {
  const { name, url, pid } = FORM.exec(text)?.groups ?? {};
  if (name === undefined || url === undefined) {
    throw new Error(`Cannot use "--peer" as "NAME=URL[,PID]" is needed: "${text}"`);
  }
  return {
    name,
    can: (load) => isPlain(load) || asked.includes(load.name),
    start: () => Promise.resolve({ url, pid: pid === undefined ? undefined : Number(pid), ...NOT_OURS }),
  };
}

const NOT_OURS: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };
