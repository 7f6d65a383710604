/** HTTP clients for Deno's `fetch`, which changes or repeats requests without one. */

/** The parts of Deno used here, so that the module compiles without Deno's types. */
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

/** Requirements of a request for its client. */
export interface ClientNeeds {
  /** Keep and reuse connections. */
  readonly pooling: boolean;
  /** Use HTTP/2. */
  readonly http2: boolean;
  /** Trusted certificate authority in PEM format; `undefined` for the system's. */
  readonly ca: string | undefined;
}

/** Returns the client for a request; `undefined` outside Deno. */
export type ClientFor = (needs: ClientNeeds) => unknown;

/**
 * Creates clients on demand, and keeps them.
 *
 * Deno's `fetch` sends the Host header only with an explicit client. If a pooled connection was closed, it repeats a
 * request whatever its method (denoland/deno#35610), or fails if the body is a stream. Over HTTP/2, it even repeats a
 * request if the pooled connection breaks after the request was sent. Therefore, requests that are unsafe or have a
 * body use a client without pooling.
 *
 * A client for HTTP/2 offers no other version: by prior knowledge for `http`, by ALPN for `https`.
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
