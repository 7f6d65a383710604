/** RFC 9113 §8 with services that break its rules: the client's response, and the recorded failure. */

import { assertEquals, assertMatch } from "@std/assert";
import { type Http2Stream, startHttp2Backend } from "../_support/http2_backend.ts";
import { exchangeOnce } from "../_support/raw_response.ts";
import { startConductor } from "../_support/servers.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OK = [[":status", "200"]] as const;
const CODES = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  ENHANCE_YOUR_CALM: 11,
};
/** Larger than the bodies that are read before the client gets a response. */
const LARGE = "100000";

function lengthOf(length: string | undefined): readonly (readonly [string, string])[] {
  return length === undefined ? OK : [...OK, ["content-length", length]];
}

/** The expected outcome: status, body, completeness for the client, then the recorded failure. */
type Outcome = readonly [status: number, body: RegExp, isWhole: boolean, failure: string | undefined];

const COMPLETE: Outcome = [200, /^half$/, true, undefined];
const CUT: Outcome = [200, /^(?:half)?$/, false, "reset"];
const FAILED: Outcome = [502, /"failure":"reset"/, true, "reset"];
const REFUSED: Outcome = [502, /"failure":"protocol"/, true, "protocol"];

interface Case {
  readonly name: string;
  readonly respond: (stream: Http2Stream) => Promise<void>;
  readonly outcome: Outcome;
  readonly timeout?: `${number}${"ms" | "s"}`;
}

function resetAfterData(length: string | undefined, code: number): Case["respond"] {
  return async (stream) => {
    await stream.fields(lengthOf(length));
    await stream.data("half");
    await stream.reset(code);
  };
}

const RESETS: readonly Case[] = Object.entries(CODES).flatMap(([name, code]) => [
  { name: `RST_STREAM(${name}) in a small body`, respond: resetAfterData("10", code), outcome: FAILED },
  { name: `RST_STREAM(${name}) in a large body`, respond: resetAfterData(LARGE, code), outcome: CUT },
]);

const UNDELIMITED: readonly Case[] = Object.entries(CODES).map(([name, code]) => ({
  name: `RST_STREAM(${name}) in a body without a length`,
  respond: resetAfterData(undefined, code),
  // A limit of Deno's client: docs/reference/limits.md. A Deno that reports these codes fails here.
  outcome: name === "CANCEL" || name === "NO_ERROR" ? COMPLETE : CUT,
}));

const OTHERS: readonly Case[] = [
  {
    name: "END_STREAM before the end of a small body",
    async respond(stream) {
      await stream.fields(lengthOf("10"));
      await stream.data("half", { end: true });
    },
    outcome: FAILED,
  },
  {
    name: "END_STREAM before the end of a large body",
    async respond(stream) {
      await stream.fields(lengthOf(LARGE));
      await stream.data("half", { end: true });
    },
    outcome: CUT,
  },
  {
    name: "a small body longer than its length",
    async respond(stream) {
      await stream.fields(lengthOf("2"));
      await stream.data("half", { end: true });
    },
    outcome: FAILED,
  },
  {
    name: "GOAWAY and a close in a body without a length",
    async respond(stream) {
      await stream.fields(OK);
      await stream.data("half");
      await stream.goAway(CODES.NO_ERROR);
    },
    outcome: CUT,
  },
  {
    name: "interim responses before a response",
    async respond(stream) {
      for (let index = 0; index < 100; index++) await stream.fields([[":status", "103"], ["link", "</a>"]]);
      await stream.fields(OK);
      await stream.data("half", { end: true });
    },
    outcome: COMPLETE,
  },
  {
    name: "a 304 with the length of the body that it does not have",
    async respond(stream) {
      await stream.fields([[":status", "304"], ["content-length", "1234"], ["etag", '"x"']], { end: true });
    },
    outcome: [304, /^$/, true, undefined],
  },
  {
    name: "a 304 with a length, and an empty DATA frame",
    async respond(stream) {
      await stream.fields([[":status", "304"], ["content-length", "1234"]]);
      await stream.data("", { end: true });
    },
    outcome: [304, /^$/, true, undefined],
  },
  {
    name: "a 204 with a length of 0",
    async respond(stream) {
      await stream.fields([[":status", "204"], ["content-length", "0"]], { end: true });
    },
    outcome: [204, /^$/, true, undefined],
  },
  {
    name: "trailers after a response",
    async respond(stream) {
      await stream.fields(OK);
      await stream.data("half");
      await stream.fields([["grpc-status", "0"]], { end: true });
    },
    outcome: COMPLETE,
  },
  {
    name: "RST_STREAM(NO_ERROR) after a complete response",
    async respond(stream) {
      await stream.fields(OK);
      await stream.data("half", { end: true });
      await stream.reset(CODES.NO_ERROR);
    },
    outcome: COMPLETE,
  },
];

/** Responses with these fields. Deno's client ends the connection for some of them, which fails as `reset`. */
const HEADS: readonly (readonly [name: string, fields: readonly (readonly [string, string])[], outcome: Outcome])[] = [
  ["an upper-case field name", [...OK, ["X", "a"]], FAILED],
  ["a colon in a field name", [...OK, ["x:y", "a"]], FAILED],
  ["a CR in a field value", [...OK, ["x", "a\rb"]], FAILED],
  ["an LF in a field value", [...OK, ["x", "a\nb"]], FAILED],
  ["a NUL in a field value", [...OK, ["x", "a\0b"]], FAILED],
  ["Connection", [...OK, ["connection", "close"]], REFUSED],
  ["Keep-Alive", [...OK, ["keep-alive", "timeout=5"]], REFUSED],
  ["Transfer-Encoding", [...OK, ["transfer-encoding", "chunked"]], REFUSED],
  ["Upgrade", [...OK, ["upgrade", "x"]], REFUSED],
  ["a pseudo-header field after a field", [["x", "a"], ...OK], REFUSED],
  ["a repeated pseudo-header field", [...OK, ...OK], REFUSED],
  ["an unknown pseudo-header field", [...OK, [":other", "1"]], FAILED],
  ["status 101", [[":status", "101"]], FAILED],
  ["status 600", [[":status", "600"]], REFUSED],
  // Deno's client accepts the responses below, and hides the violation. A Deno that refuses them fails here.
  ["white space around a field value", [...OK, ["x", " a "]], COMPLETE],
  ["no :status", [["x", "a"]], COMPLETE],
  ["a pseudo-header field of requests", [...OK, [":path", "/"]], COMPLETE],
];

const MALFORMED: readonly Case[] = [
  ...HEADS.map(([name, fields, outcome]) => ({
    name: `a response with ${name}`,
    async respond(stream: Http2Stream) {
      await stream.fields(fields);
      await stream.data("half", { end: true });
    },
    outcome,
  })),
  {
    name: "a second head after a response",
    async respond(stream) {
      await stream.fields(OK);
      await stream.data("half");
      await stream.fields([["x", "a"]]);
      await stream.data("more", { end: true });
    },
    outcome: CUT,
  },
  {
    // Deno's client does not notice the end.
    name: "limit: an interim response that ends the stream",
    async respond(stream) {
      await stream.fields([[":status", "103"]], { end: true });
    },
    outcome: [502, /"failure":"timeout"/, true, "timeout"],
    timeout: "500ms",
  },
  {
    name: "limit: a pseudo-header field in trailers",
    async respond(stream) {
      await stream.fields(OK);
      await stream.data("half");
      await stream.fields(OK, { end: true });
    },
    outcome: COMPLETE,
  },
];

for (const { name, respond, timeout = "10s", outcome } of [...RESETS, ...UNDELIMITED, ...OTHERS, ...MALFORMED]) {
  const [status, body, isWhole, failure] = outcome;
  const result = status === 502 ? "502" : isWhole ? "a complete response" : "a connection that is cut";
  Deno.test(`${name}: the client gets ${result}, over HTTP/2`, async () => {
    await using backend = startHttp2Backend(respond);
    await using front = startConductor({ services: [{ name: "a", url: backend.url, http2: true, timeout }] });
    const response = await exchangeOnce(front.port, GET.replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n"));
    assertEquals([response.status, response.whole], [status, isWhole]);
    assertMatch(response.body, body);
    await front.event(({ type }) => type === "relayed");
    const failures = front.events.flatMap((event) =>
      (event.type === "settled" || event.type === "interrupted") && event.failure !== undefined ? [event.failure] : []
    );
    assertEquals(failures, failure === undefined ? [] : [failure]);
  });
}
