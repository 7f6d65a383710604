/** Loads of the benchmark. Each one serves a question that the figures should settle. */

/** A load, and the setup that peers need for it. */
export interface Load {
  /** Name on the command line and in reports. */
  readonly name: string;
  /** Description for readers. */
  readonly title: string;
  /** Connections with one request in flight each. */
  readonly connections: number;
  /** Request path. The backends respond to `/64k` with 64 KiB, and to all other paths with 100 bytes of JSON. */
  readonly path: string;
  /** Length of the response in bytes. Peers with a different response are not measured. */
  readonly responseBytes: number;
  /** Length of the POST body in bytes; 0 for a GET. */
  readonly bodyBytes: number;
  /** Backends that get each request. */
  readonly services: number;
  /** Routes of the peer, all to the same backends. */
  readonly routes: number;
  /** The last backend takes 20 ms longer, and the peer waits only for the primary. */
  readonly slowSecondary: boolean;
  /** Requests per second of all connections together; `undefined`: each connection sends as fast as it can. */
  readonly ratePerSecond: number | undefined;
}

/** Length of a small response. */
export const SMALL_BYTES = 100;
/** Length of a large response. */
export const LARGE_BYTES = 65_536;
/** Length of a request body. */
export const BODY_BYTES = 1_048_576;

const PLAIN = {
  connections: 64,
  path: "/api",
  responseBytes: SMALL_BYTES,
  bodyBytes: 0,
  services: 2,
  routes: 1,
  slowSecondary: false,
  ratePerSecond: undefined,
};

/** All loads, in the order of measurement. */
export const LOADS: readonly Load[] = [
  { ...PLAIN, name: "get-1", title: "GET, 100-byte responses, 1 connection", connections: 1 },
  { ...PLAIN, name: "get-16", title: "GET, 100-byte responses, 16 connections", connections: 16 },
  { ...PLAIN, name: "get-64", title: "GET, 100-byte responses, 64 connections" },
  { ...PLAIN, name: "get-256", title: "GET, 100-byte responses, 256 connections", connections: 256 },
  { ...PLAIN, name: "64k", title: "GET, 64 KiB responses, 64 connections", path: "/64k", responseBytes: LARGE_BYTES },
  { ...PLAIN, name: "post-1m", title: "POST of 1 MiB, 16 connections", connections: 16, bodyBytes: BODY_BYTES },
  { ...PLAIN, name: "4-services", title: "GET, 100-byte responses, 4 services, 64 connections", services: 4 },
  {
    ...PLAIN,
    name: "slow-secondary",
    title: "GET, a secondary that takes 20 ms and is not waited for, 64 connections",
    slowSecondary: true,
  },
  {
    ...PLAIN,
    name: "1000-routes",
    title: "GET, 100-byte responses, the last of 1,000 routes, 64 connections",
    routes: 1_000,
    path: "/r999/api",
  },
  // Under full load, backends need no wake-ups. Servers in production mostly run at a part of what they could do.
  {
    ...PLAIN,
    name: "rate-1000",
    title: "GET, 100-byte responses, 1,000 requests/s, 64 connections",
    ratePerSecond: 1_000,
  },
  {
    ...PLAIN,
    name: "rate-10000",
    title: "GET, 100-byte responses, 10,000 requests/s, 64 connections",
    ratePerSecond: 10_000,
  },
];

/** Reports whether a load only needs two backends, one route and waiting for both. */
export function isPlain(load: Load): boolean {
  return load.services === PLAIN.services && load.routes === PLAIN.routes && !load.slowSecondary;
}
