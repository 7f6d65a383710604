/** The peers that the bench starts itself. */

import { hasCommand } from "../has_command.ts";
import { conductorPeer } from "./conductor_peer.ts";
import { denoPeer } from "./deno_peer.ts";
import { nginxPeer } from "./nginx_peer.ts";
import type { Peer } from "./peer.ts";

/** The peer that the others are compared with. */
export const BASELINE = "fetch";

/** The primary without anything in front of it: what one connection's latency is made of. */
const BACKEND_ALONE: Peer = {
  name: "backend",
  can: ({ connections }) => connections === 1,
  start: (_, [url]) => Promise.resolve({ url: url!, pid: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }),
};

/**
 * Lists the peers that this machine can start.
 *
 * @returns The peers; nginx is among them where it is installed.
 */
export async function ownPeers(): Promise<Peer[]> {
  return [
    conductorPeer,
    denoPeer("fetch_fan_out.ts", { name: BASELINE, can: () => true }),
    denoPeer("sketch.ts", { name: "sketch", can: ({ bodyBytes }) => bodyBytes === 0 }),
    ...await hasCommand("nginx", ["-v"]) ? [nginxPeer] : [],
    BACKEND_ALONE,
  ];
}
