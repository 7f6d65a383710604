/** Selection of the listener: the configuration's own, or the one that its other fields need. */

import type { Config } from "./config.ts";

/** Implementation of a listener: `Deno.serve`, or `node:http`. */
export type ListenerKind = "deno" | "node";

/** A selected listener. */
export interface ListenerChoice {
  readonly kind: ListenerKind;
  /** Reason in a few words, for people. */
  readonly reason: string;
}

/** Fields that only the node listener applies, with a test for each. */
const NODE_FIELDS: readonly (readonly [field: string, isSet: (config: ListenerConfig) => boolean])[] = [
  ["clientTimeouts", ({ clientTimeouts }) => clientTimeouts !== undefined],
  ["limits.maxConnections", ({ limits }) => isLimit(limits.maxConnections)],
  ["limits.maxConnectionsPerClient", ({ limits }) => isLimit(limits.maxConnectionsPerClient)],
];

type ListenerConfig = Pick<Config, "listener" | "clientTimeouts" | "services"> & {
  readonly limits: Pick<Config["limits"], "maxConnections" | "maxConnectionsPerClient">;
};

/** Returns the fields of a configuration that need the node listener. */
export function nodeFields(config: ListenerConfig): string[] {
  return NODE_FIELDS.filter(([, isSet]) => isSet(config)).map(([field]) => field);
}

/** Returns the listener of a configuration, and the reason for it. */
export function chooseListener(config: ListenerConfig): ListenerChoice {
  const { listener } = config;
  if (listener !== "auto") return { kind: listener, reason: `\`listener: ${listener}\`` };
  const fields = nodeFields(config);
  if (fields.length === 0) return { kind: "deno", reason: "no field needs the node listener" };
  return {
    kind: "node",
    reason: `${fields.map((field) => `\`${field}\``).join(", ")} ${fields.length === 1 ? "needs" : "need"} it`,
  };
}

function isLimit(max: number): boolean {
  return max !== Infinity;
}
