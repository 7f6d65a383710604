/** Check of the network permission for all backends, before the first request. */

/** Address of a backend. */
export interface NetTarget {
  /** Scheme and authority, for example `https://api.example.com`. */
  readonly origin: string;
  /** Texts to print; absent: the origin may be printed. */
  readonly shown?: { readonly isUrlSecret: boolean };
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * Finds the first target without network permission. A prompt, if allowed, appears here and not during a request.
 *
 * @param targets Targets to check.
 * @param options `prompt`: true if Deno may ask for the permission. A prompt blocks everything that already runs in the
 * process.
 * @returns The target, with its host and port as `--allow-net` takes them, or `undefined` if all are allowed.
 */
export function findForbiddenTarget<T extends NetTarget>(
  targets: readonly T[],
  { prompt }: { readonly prompt: boolean } = { prompt: true },
): { readonly target: T; readonly host: string } | undefined {
  for (const target of targets) {
    const { protocol, hostname, port } = new URL(target.origin);
    const host = `${hostname}:${port || DEFAULT_PORTS[protocol] || "443"}`;
    const { permissions } = Deno;
    // No prompt for a secret URL, because Deno's prompt shows the host.
    const { state } = prompt && !target.shown?.isUrlSecret
      ? permissions.requestSync({ name: "net", host })
      : permissions.querySync({ name: "net", host });
    if (state !== "granted") return { target, host };
  }
  return undefined;
}
