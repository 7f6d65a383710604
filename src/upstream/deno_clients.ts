/** HTTP clients for Deno's `fetch`, which changes or repeats requests without one. */

import type { UpstreamTls } from "../config/config.ts";

/** The parts of Deno used here, so that the module compiles without Deno's types. */
interface DenoHttp {
  createHttpClient?(options: DenoClientOptions): DenoClient;
}

interface DenoClient {
  close(): void;
}

interface DenoClientOptions {
  readonly allowHost: true;
  readonly http1: boolean;
  readonly http2: boolean;
  readonly poolMaxIdlePerHost?: number;
  readonly caCerts?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly proxy?: { readonly transport: "unix"; readonly path: string };
}

/** Requirements of a request for its client. */
export interface ClientNeeds {
  /** Keep and reuse connections. */
  readonly pooling: boolean;
  /** Use HTTP/2. */
  readonly http2: boolean;
  /** Certificate authority and client certificate; `undefined` for the system's authorities. */
  readonly tls: Pick<UpstreamTls, "ca" | "cert" | "key"> | undefined;
  /** Path of a Unix socket that all requests go to; `undefined`: none. */
  readonly path: string | undefined;
  /** Maximum age of a reused connection in milliseconds. */
  readonly maxAgeMs: number;
}

/** Returns the client for a request; `undefined` outside Deno. */
export type ClientFor = (needs: ClientNeeds) => unknown;

/** A client with the age that its connections may have. */
interface AgingClient {
  readonly client: DenoClient;
  readonly createdMs: number;
  /** Part of the maximum age that the client may reach, 0 to 1. It differs, so that clients do not end together. */
  readonly ageRatio: number;
}

/** Minimum part of the maximum age that a client reaches. The rest is random. */
const MIN_AGE_RATIO = 0.8;

/**
 * Creates clients on demand, and keeps them until their connections are too old.
 *
 * Deno's `fetch` sends the Host header only with an explicit client. If a pooled connection was closed, it repeats a
 * request whatever its method (denoland/deno#35610), or fails if the body is a stream. Over HTTP/2, it even repeats a
 * request if the pooled connection breaks after the request was sent. Therefore, requests that are unsafe or have a
 * body use a client without pooling.
 *
 * A pool has no maximum age of its connections, so a new client replaces the old one. Exchanges in flight complete on
 * the closed client.
 *
 * A client for HTTP/2 offers no other version: by prior knowledge for `http`, by ALPN for `https`.
 */
export function denoClients(now: () => number = () => performance.now()): ClientFor {
  const create = (globalThis as { Deno?: DenoHttp }).Deno?.createHttpClient;
  if (create === undefined) return () => undefined;
  const kinds = {
    http1: { pooled: new Map<string, AgingClient>(), unpooled: new Map<string, AgingClient>() },
    http2: { pooled: new Map<string, AgingClient>(), unpooled: new Map<string, AgingClient>() },
  };
  return ({ pooling, http2, tls: { ca, cert, key } = {}, path, maxAgeMs }) => {
    const peer = ca === undefined && cert === undefined && path === undefined
      ? ""
      : JSON.stringify([ca, cert, key, path]);
    const clients = kinds[http2 ? "http2" : "http1"][pooling ? "pooled" : "unpooled"];
    const known = clients.get(peer);
    if (known !== undefined && (!pooling || now() - known.createdMs < maxAgeMs * known.ageRatio)) return known.client;
    known?.client.close();
    const client = create({
      allowHost: true,
      http1: !http2,
      http2,
      ...(pooling ? {} : { poolMaxIdlePerHost: 0 }),
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...(path !== undefined && { proxy: { transport: "unix", path } }),
    });
    const ageRatio = MIN_AGE_RATIO + (1 - MIN_AGE_RATIO) * Math.random();
    clients.set(peer, { client, createdMs: now(), ageRatio });
    return client;
  };
}
