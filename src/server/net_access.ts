/** Whether the process may reach its backends, asked before the first request does. */

/** An address, or what a URL says of one. */
export interface NetTarget {
  /** Scheme and authority, for example `https://api.example.com`. */
  readonly origin: string;
  /** Texts to print; absent: the origin may be printed. */
  readonly shown?: { readonly isUrlSecret: boolean };
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * Finds the first target that may not be reached. Where a person can be prompted, that happens here, and not in the
 * middle of a request.
 *
 * @param targets What is going to be reached.
 * @param options Whether a person may be prompted: a prompt holds everything up that the process does already.
 * @returns The target, with its host and port as `--allow-net` takes them, or `undefined` where all may be reached.
 */
export function findForbiddenTarget<T extends NetTarget>(
  targets: readonly T[],
  { prompt }: { readonly prompt: boolean } = { prompt: true },
): { readonly target: T; readonly host: string } | undefined {
  for (const target of targets) {
    const { protocol, hostname, port } = new URL(target.origin);
    const host = `${hostname}:${port || DEFAULT_PORTS[protocol] || "443"}`;
    const { permissions } = Deno;
    // Deno's prompt shows the host.
    const { state } = prompt && !target.shown?.isUrlSecret
      ? permissions.requestSync({ name: "net", host })
      : permissions.querySync({ name: "net", host });
    if (state !== "granted") return { target, host };
  }
  return undefined;
}
