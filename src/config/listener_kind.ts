/** Selection of the listener: by the field `listener`, or by the needs of other fields. */

/** Implementation of a listener: `Deno.serve`, or `node:http`. */
export type ListenerKind = "deno" | "node";

/** A selected listener. */
export interface ListenerChoice {
  readonly kind: ListenerKind;
  /** Reason in a few words, for people. */
  readonly reason: string;
}

/** Fields that decide on the listener, after their own checks. */
export interface CheckedListener {
  readonly listener: "auto" | ListenerKind;
  readonly clientTimeouts: object | undefined;
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerClient: number };
  readonly services: readonly object[];
}

type Test = (config: CheckedListener) => boolean;

/** Fields that only the node listener applies, with a test for each. */
const NODE_FIELDS: Readonly<Record<string, Test>> = {
  "clientTimeouts": ({ clientTimeouts }) => clientTimeouts !== undefined,
  "limits.maxConnections": ({ limits }) => isLimit(limits.maxConnections),
  "limits.maxConnectionsPerClient": ({ limits }) => isLimit(limits.maxConnectionsPerClient),
};

/** Returns the fields of a configuration that only the node listener applies. */
export function nodeFields(config: CheckedListener): string[] {
  return Object.keys(NODE_FIELDS).filter((field) => NODE_FIELDS[field]!(config));
}

/** Returns the listener of a configuration, and the reason for it. */
export function chooseListener(config: CheckedListener): ListenerChoice {
  const { listener } = config;
  if (listener !== "auto") return { kind: listener, reason: `\`listener: ${listener}\`` };
  const fields = [...nodeFields(config), ...(takesUpgrades(config) ? ["services[].upgrade"] : [])];
  if (fields.length === 0) return { kind: "deno", reason: "no field needs the node listener" };
  return { kind: "node", reason: `needed by ${fields.map((field) => `\`${field}\``).join(", ")}` };
}

/** Describes the listener in a sentence; `undefined` for Deno's own, unless the configuration selects it. */
export function describeListener(
  { listener: { kind, reason }, tls }: { readonly listener: ListenerChoice; readonly tls: object | undefined },
): string | undefined {
  if (kind === "deno") return reason.startsWith("`") ? `listener: deno (${reason})` : undefined;
  return `listener: node (${reason})${tls === undefined ? "" : "; HTTPS clients get HTTP/1.1, not HTTP/2"}`;
}

/** Reports whether a service takes requests to switch to another protocol. */
export function takesUpgrades({ services }: Pick<CheckedListener, "services">): boolean {
  return services.some((service) => "upgrade" in service && service.upgrade !== undefined);
}

function isLimit(max: number): boolean {
  return max !== Infinity;
}
