/** The clients that Deno's fetch needs to leave requests as they are. */

/** Just what is used of Deno here, so that the module needs no Deno types elsewhere. */
interface DenoHttp {
  createHttpClient?(options: DenoClientOptions): unknown;
}

interface DenoClientOptions {
  readonly allowHost: true;
  readonly http1: boolean;
  readonly http2: boolean;
  readonly poolMaxIdlePerHost?: number;
  readonly caCerts?: readonly string[];
}

/** What decides on the client for a request. */
export interface ClientNeeds {
  /** Whether its connection may be used again. */
  readonly pooling: boolean;
  /** Whether it goes out with HTTP/2. */
  readonly http2: boolean;
  /** Who may vouch for the backend, as PEM text. */
  readonly ca: string | undefined;
}

/** Finds the client for a request. */
export type ClientFor = (needs: ClientNeeds) => unknown;

/**
 * Makes clients when they are first needed, and keeps them. Deno's fetch sets Host only with a client of its own, and
 * sends a request again, whatever its method, when a pooled connection was closed (denoland/deno#35610), unless its body
 * is a stream: then it fails. A request of HTTP/2 it even sends again when the pooled connection breaks after the request
 * was sent. So what is not safe, or has a body, gets a client that keeps no connection.
 *
 * The client for HTTP/2 speaks nothing else: by prior knowledge with `http`, and with `https` it offers nothing else.
 *
 * @returns The means to find a client; it finds `undefined` outside Deno.
 */
export function denoClients(): ClientFor {
  const create = (globalThis as { Deno?: DenoHttp }).Deno?.createHttpClient;
  if (create === undefined) return () => undefined;
  const kinds = {
    http1: { pooled: new Map<string | undefined, unknown>(), unpooled: new Map<string | undefined, unknown>() },
    http2: { pooled: new Map<string | undefined, unknown>(), unpooled: new Map<string | undefined, unknown>() },
  };
  return ({ pooling, http2, ca }) => {
    const clients = kinds[http2 ? "http2" : "http1"][pooling ? "pooled" : "unpooled"];
    let client = clients.get(ca);
    if (client === undefined) {
      client = create({
        allowHost: true,
        http1: !http2,
        http2,
        ...(pooling ? {} : { poolMaxIdlePerHost: 0 }),
        ...(ca === undefined ? {} : { caCerts: [ca] }),
      });
      clients.set(ca, client);
    }
    return client;
  };
}
