/** What the peers are loaded with: one row for each question that a figure shall answer. */

/** A load, and what the peers must be set up for to bear it. */
export interface Load {
  /** Its name on the command line and in figures. */
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  /** How many connections keep one request each in flight. */
  readonly connections: number;
  /** What is asked for; the backends answer `/64k` with 64 KiB and all else with 100 bytes of JSON. */
  readonly path: string;
  /** The length of the answer in bytes: a peer that answers anything else is not measured. */
  readonly answerBytes: number;
  /** The length of a POST's body in bytes; 0 is a GET. */
  readonly bodyBytes: number;
  /** How many backends get each request. */
  readonly services: number;
  /** How many routes the peer has; all go to the same backends. */
  readonly routes: number;
  /** Whether the last backend takes 20 ms longer, and only the primary is waited for. */
  readonly slowSecondary: boolean;
}

/** The length of a small answer. */
export const SMALL_BYTES = 100;
/** The length of a large answer. */
export const LARGE_BYTES = 65_536;
/** The length of a body that is sent. */
export const BODY_BYTES = 1_048_576;

const PLAIN = {
  connections: 64,
  path: "/api",
  answerBytes: SMALL_BYTES,
  bodyBytes: 0,
  services: 2,
  routes: 1,
  slowSecondary: false,
};

/** All loads, in the order in which they are measured. */
export const LOADS: readonly Load[] = [
  { ...PLAIN, name: "get-1", title: "GET, 100-byte responses, 1 connection", connections: 1 },
  { ...PLAIN, name: "get-16", title: "GET, 100-byte responses, 16 connections", connections: 16 },
  { ...PLAIN, name: "get-64", title: "GET, 100-byte responses, 64 connections" },
  { ...PLAIN, name: "get-256", title: "GET, 100-byte responses, 256 connections", connections: 256 },
  { ...PLAIN, name: "64k", title: "GET, 64 KiB responses, 64 connections", path: "/64k", answerBytes: LARGE_BYTES },
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
];

/** Whether a load asks nothing of a peer but to send each request to two backends and to wait for both. */
export function isPlain(load: Load): boolean {
  return load.services === PLAIN.services && load.routes === PLAIN.routes && !load.slowSecondary;
}
