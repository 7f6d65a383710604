/** The clients that Deno's fetch needs to leave requests as they are. */

/** Just what is used of Deno here, so that the module needs no Deno types elsewhere. */
interface DenoHttp {
  createHttpClient?(options: DenoClientOptions): unknown;
}

interface DenoClientOptions {
  readonly allowHost: true;
  readonly http2: false;
  readonly poolMaxIdlePerHost?: number;
  readonly caCerts?: readonly string[];
}

/** Finds the client for a request, by whether its connection may be used again and who may vouch for the backend. */
export type ClientFor = (pooling: boolean, ca: string | undefined) => unknown;

/**
 * Makes clients when they are first needed, and keeps them. Deno's fetch sets Host only with a client of its own, and
 * sends a request again, whatever its method, when a pooled connection was closed (denoland/deno#35610), unless its body
 * is a stream: then it fails. So what is not safe, or has a body, gets a client that keeps no connection.
 *
 * @returns The means to find a client; it finds `undefined` outside Deno.
 */
export function denoClients(): ClientFor {
  const create = (globalThis as { Deno?: DenoHttp }).Deno?.createHttpClient;
  if (create === undefined) return () => undefined;
  const pooled = new Map<string | undefined, unknown>();
  const unpooled = new Map<string | undefined, unknown>();
  return (pooling, ca) => {
    const clients = pooling ? pooled : unpooled;
    let client = clients.get(ca);
    if (client === undefined) {
      client = create({
        allowHost: true,
        http2: false,
        ...(pooling ? {} : { poolMaxIdlePerHost: 0 }),
        ...(ca === undefined ? {} : { caCerts: [ca] }),
      });
      clients.set(ca, client);
    }
    return client;
  };
}
