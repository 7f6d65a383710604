/** Expected outcome of each fault: the response that the client gets, and the failure that is recorded. */

import type { FailureKind } from "@zeek/conductor";
import type { FaultName } from "./faults.ts";
import type { TransportName } from "./transports.ts";

/**
 * Faults that count as a failure of the service, by the recorded kind. The client gets the secondary's response, or, on
 * a route without a secondary, a 502 that names the kind.
 */
export const FAILURES: Readonly<Partial<Record<FailureKind, readonly FaultName[]>>> = {
  refused: ["refuses connections"],
  reset: [
    "closes without a response",
    "resets without a response",
    "half a head, then closes",
    "half a head, then resets",
    "a small body cut short",
    "a small body reset",
  ],
  timeout: [
    "accepts and hangs",
    "half a head, then hangs",
    "a head that drips",
    "103 Early Hints without end",
    "a small body that hangs",
    "a small body that drips",
  ],
  "head-too-large": [
    "a head of endless lines",
    "a field of endless length",
    "a field of 500 KB",
    "1,100 small fields",
  ],
  protocol: [
    "a greeting of another protocol",
    "a body without a head",
    "HTTP/2.0 in the status line",
    "a status of letters",
    "a status of two digits",
    "a status of four digits",
    "status 000",
    "status 600",
    "status 999",
    "an unrequested 101",
    "a NUL in a field",
    "a bare CR in a field",
    "a folded field",
    "a field without a colon",
    "a field without a name",
    "two different lengths",
    "a list of different lengths",
    "a negative length",
    "a length with a sign",
    "a length in hex",
    "an empty length",
    "a length above 2^64",
    "chunked in HTTP/1.0",
    "an unknown coding",
    "the identity coding",
    "a coding after chunked",
    "gzip before chunked",
    "chunked twice",
  ],
};

/** Faults that do not invalidate the response. The client gets a correct form of it. */
export const RESPONSES: readonly (readonly [fault: FaultName, status: number, body: string])[] = [
  ["a field of 100 KB", 200, "ok"],
  ["90 fields of 1 KB", 200, "ok"],
  ["200 small fields", 200, "ok"],
  ["103 a few times, then 200", 200, "0123456789"],
  ["an unrequested 100 Continue, then 200", 200, "0123456789"],
  ["bare LF line ends", 200, "ok"],
  ["a field of Latin-1", 200, "ok"],
  ["a space before the colon", 200, "ok"],
  ["a space before the colon of a length", 200, "0123456789"],
  ["a tab before the colon of a transfer coding", 200, "hello"],
  ["two equal lengths", 200, "ok"],
  ["a list of equal lengths", 200, "ok"],
  ["a small body longer than its length", 200, "0123456789"],
  ["a large body with the length of a small one", 200, "0123456789"],
  ["a large body that drips", 200, "abc"],
  ["a body ended by the connection", 200, "whole"],
  ["chunked with a length", 200, "hello"],
  ["a length with chunked", 200, "hello"],
  ["chunked with the length of a large body", 200, "hello"],
  ["chunked with a length that hides a response", 200, ""],
  ["chunked in capitals", 200, "hello"],
  ["chunked with trailers", 200, "hello"],
  ["a body on 204", 204, ""],
  ["a response hidden behind 204", 204, ""],
  ["a body on 304", 304, ""],
  ["a body on 205", 205, ""],
  ["a response without a request", 200, "hello"],
  ["an invalid gzip body", 200, "hello"],
  ["gzip cut short", 200, "\x1f\x8b\x08\x00"],
  ["closes after the response", 200, "0123456789"],
  ["resets after the response", 200, "0123456789"],
];

/** Faults after the head of a large body. The client has the head already, so its connection is cut. */
export const INTERRUPTIONS: readonly Interruption[] = [
  ["a large body cut short", /^half$/, "reset"],
  ["a large body reset", /^half$/, "reset"],
  ["a large body that hangs", /^half$/, "timeout"],
  ["a body that the reset ends", /^half$/, "reset"],
  ["an invalid chunk size", /^hello$/, "protocol"],
  ["a negative chunk size", /^hello$/, "protocol"],
  ["a chunk size above 2^64", /^hello$/, "protocol"],
  ["a chunk longer than its size", /^hello$/, "protocol"],
  ["an invalid chunk size, after a large chunk", /^a+$/, "protocol"],
  ["a chunk extension without end", /^a+$/, "protocol"],
  ["a trailer without end", /^hello$/, "protocol"],
  ["a chunk cut short", /^he$/, "reset"],
  ["no last chunk", /^hello$/, "reset"],
  ["a reset between chunks", /^hello$/, "reset"],
  ["a last chunk without its line end", /^hello$/, "reset"],
];

/** The part of the body that the client receives, and the recorded kind. */
type Interruption = readonly [fault: FaultName, body: RegExp, recorded: FailureKind];

/** Deviations of a transport from the tables above. */
export interface Deviations {
  /** Failures before a response exists, for these faults only. */
  readonly failures: Readonly<Partial<Record<FaultName, FailureKind>>>;
  /** Recorded kinds that replace others after the response has begun. */
  readonly recorded: Readonly<Partial<Record<FailureKind, FailureKind>>>;
}

export const DEVIATIONS: Readonly<Record<TransportName, Deviations>> = {
  sockets: {
    failures: {
      // The transport checks body bytes that arrive with the head before it passes anything on, so the fallback still
      // works.
      "an invalid chunk size": "protocol",
      "a negative chunk size": "protocol",
      "a chunk size above 2^64": "protocol",
      "a chunk longer than its size": "protocol",
    },
    recorded: {},
  },
  fetch: {
    failures: {
      // Deno's client refuses white space before the colon, which cannot be changed.
      "a space before the colon": "protocol",
      "a space before the colon of a length": "protocol",
      "a tab before the colon of a transfer coding": "protocol",
      // Deno's client accepts at most 100 fields, which cannot be changed.
      "200 small fields": "head-too-large",
    },
    // Its only message is "error reading a body from connection", for every fault in the body.
    recorded: { protocol: "reset" },
  },
};
