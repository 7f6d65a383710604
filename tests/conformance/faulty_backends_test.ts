/** SPEC §2 to §4 against backends that misbehave: what the client gets, what is recorded, and that the next request is served. */

import { assert, assertEquals } from "@std/assert";
import type { ConductorEvent, FailureKind } from "@zeek/conductor";
import { type FaultName, FAULTS } from "../_support/faults.ts";
import { HEALTHY_BODY, startFaultyBackend } from "../_support/faulty_backends.ts";
import { exchangeOnce, type RawResponse } from "../_support/raw_response.ts";
import { type Front, startBackend, startConductor } from "../_support/servers.ts";

/**
 * Faults that are failures of the service, by the kind that is recorded. The client gets the secondary's response; from
 * a route without one, a 502 that names the kind.
 */
const FAILURES: Readonly<Partial<Record<FailureKind, readonly FaultName[]>>> = {
  refused: ["refuses connections"],
  reset: [
    "closes without an answer",
    "resets without an answer",
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
  protocol: [
    "a head of endless lines",
    "a field of endless length",
    "a field of 500 KB",
    "a field of 100 KB",
    "90 fields of 1 KB",
    "200 small fields",
    "a greeting of another protocol",
    "a body without a head",
    "HTTP/2.0 in the status line",
    "a status of letters",
    "a status of two digits",
    "a status of four digits",
    "status 000",
    "status 600",
    "status 999",
    "101 unasked",
    "a NUL in a field",
    "a bare CR in a field",
    "a folded field",
    "a space before the colon",
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
    "a coding that nobody knows",
    "the coding that is none",
    "a coding after chunked",
    "gzip before chunked",
    "chunked twice",
  ],
};

/** Faults that are no reason to refuse the response: the client gets it in a form that is right. */
const ANSWERS: readonly (readonly [fault: FaultName, status: number, body: string])[] = [
  ["60 fields of 1 KB", 200, "ok"],
  ["103 a few times, then 200", 200, "0123456789"],
  ["100 Continue unasked, then 200", 200, "0123456789"],
  ["bare LF line ends", 200, "ok"],
  ["a field of Latin-1", 200, "ok"],
  ["two equal lengths", 200, "ok"],
  ["a list of equal lengths", 200, "ok"],
  ["a small body longer than it said", 200, "0123456789"],
  ["a length of a small body, and a large one", 200, "0123456789"],
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
  ["a response that nobody asked for", 200, "hello"],
  ["gzip that is none", 200, "hello"],
  ["gzip cut short", 200, "\x1f\x8b\x08\x00"],
  ["closes after the answer", 200, "0123456789"],
  ["resets after the answer", 200, "0123456789"],
];

/** Faults after the head of a large body, when the client has the head already: its connection is cut. */
const INTERRUPTIONS: readonly (readonly [fault: FaultName, body: string, recorded: FailureKind])[] = [
  ["a large body cut short", "half", "reset"],
  ["a large body reset", "half", "reset"],
  ["a large body that hangs", "half", "timeout"],
  ["a body that the reset ends", "half", "reset"],
  ["a chunk size that is none", "hello", "reset"],
  ["a negative chunk size", "hello", "reset"],
  ["a chunk size above 2^64", "hello", "reset"],
  ["a chunk longer than its size", "hello", "reset"],
  ["a chunk extension without end", "", "reset"],
  ["a trailer without end", "hello", "reset"],
  ["a chunk cut short", "he", "reset"],
  ["no last chunk", "hello", "reset"],
  ["a reset between chunks", "hello", "reset"],
  ["a last chunk without its line end", "hello", "reset"],
];

/** Looked at by itself below. */
const OTHERS: readonly FaultName[] = ["a gzip bomb"];

/** Short where it will pass, long where it must not. */
const HANGS: ReadonlySet<FaultName> = new Set([...FAILURES.timeout!, "a large body that hangs"]);

function get(front: Front, path: string): Promise<RawResponse> {
  const head = `GET ${path} HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nConnection: close\r\n\r\n`;
  return exchangeOnce(front.port, head);
}

/** One backend with the fault alone on its route, and one with a healthy secondary beside it. */
async function meet(
  fault: FaultName,
  check: (scene: { front: Front; alone: RawResponse; withSecondary: RawResponse }) => Promise<void> | void,
): Promise<void> {
  await using healthy = startBackend(() => new Response("backup"));
  await using single = await startFaultyBackend(FAULTS[fault]);
  await using double = await startFaultyBackend(FAULTS[fault]);
  const timeout = HANGS.has(fault) ? "250ms" : "10s";
  await using front = startConductor({
    services: [
      { name: "single", url: single.url, pathPrefix: "/alone", timeout },
      { name: "double", url: double.url, pathPrefix: "/both", timeout, primary: true },
      { name: "backup", url: healthy.url, pathPrefix: "/both" },
    ],
  });
  const [alone, withSecondary] = await Promise.all([get(front, "/alone"), get(front, "/both")]);
  await check({ front, alone, withSecondary });

  await Promise.all([single.heal(), double.heal()]);
  for (const path of ["/alone", "/both"]) {
    const { status, body, whole } = await get(front, path);
    assertEquals({ path, status, body, whole }, { path, status: 200, body: HEALTHY_BODY, whole: true });
  }
}

/** What was recorded of one service's first attempt. */
function recorded(events: readonly ConductorEvent[], service: string): (string | number | undefined)[] {
  const first = events.find((event) => event.type === "settled" && event.service === service);
  const interruption = events.find((event) => event.type === "interrupted" && event.service === service);
  return [
    first?.type === "settled" ? first.failure ?? first.status : undefined,
    ...(interruption?.type === "interrupted" ? [interruption.failure] : []),
  ];
}

function values({ lines }: RawResponse, field: string): string[] {
  return lines.filter((line) => line.toLowerCase().startsWith(`${field}:`)).map((line) =>
    line.slice(field.length + 1).trim()
  );
}

for (const [kind, faults] of Object.entries(FAILURES)) {
  for (const fault of faults) {
    Deno.test(`${fault}: ${kind}; 502, or the secondary's response`, async () => {
      await meet(fault, ({ front, alone, withSecondary }) => {
        assertEquals([alone.status, alone.whole], [502, true]);
        assertEquals(JSON.parse(alone.body).services, [{ service: "single", role: "primary", failure: kind }]);
        assertEquals([withSecondary.status, withSecondary.body, withSecondary.whole], [200, "backup", true]);
        for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [kind]);
      });
    });
  }
}

for (const [fault, status, body] of ANSWERS) {
  Deno.test(`${fault}: ${status}, and what there is of a body whole`, async () => {
    await meet(fault, ({ front, alone, withSecondary }) => {
      for (const answer of [alone, withSecondary]) {
        assertEquals([answer.status, answer.body, answer.whole], [status, body, true]);
        const framing = [...values(answer, "content-length"), ...values(answer, "transfer-encoding")];
        assert(framing.length < 2, `framed twice: ${framing}`);
      }
      for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [status]);
    });
  });
}

for (const [fault, body, kind] of INTERRUPTIONS) {
  Deno.test(`${fault}: the client's connection is cut, and ${kind} is recorded`, async () => {
    await meet(fault, async ({ front, alone, withSecondary }) => {
      for (const answer of [alone, withSecondary]) {
        assertEquals([answer.status, answer.body, answer.whole], [200, body, false]);
      }
      for (const service of ["single", "double"]) {
        await front.event((event) => event.type === "interrupted" && event.service === service);
        assertEquals(recorded(front.events, service), [200, kind]);
      }
    });
  });
}

Deno.test("a gzip bomb: passed on as it is, not unpacked on the way", async () => {
  await meet("a gzip bomb", ({ alone, withSecondary }) => {
    for (const answer of [alone, withSecondary]) {
      assertEquals([answer.status, values(answer, "content-encoding"), answer.whole], [200, ["gzip"], true]);
      assertEquals(values(answer, "content-length"), [String(answer.body.length)]);
      assert(answer.body.length < 100_000, `${answer.body.length} bytes`);
    }
  });
});

/** Where there is no body, nobody but us looks at its length. */
const LENGTHS_OF_NOTHING: readonly (readonly [length: string, relayed: string | undefined])[] = [
  ["1234", "1234"],
  ["2\r\ncontent-length: 2", "2"],
  ["-2", undefined],
  ["2, 4", undefined],
  ["two", undefined],
  ["99999999999999999999999", undefined],
];

for (const [length, relayed] of LENGTHS_OF_NOTHING) {
  for (const [method, status] of [["HEAD", 200], ["GET", 304]] as const) {
    const label = JSON.stringify(length);
    Deno.test(`content-length ${label} of a ${method} with ${status} is ${relayed ? "relayed" : "refused"}`, async () => {
      await using backend = await startFaultyBackend(({ write }) =>
        write(`HTTP/1.1 ${status} X\r\ncontent-length: ${length}\r\n\r\n`)
      );
      await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
      const answer = await exchangeOnce(front.port, `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
      assertEquals(answer.status, relayed === undefined ? 502 : status);
      // Deno's server leaves it out of a 304.
      if (relayed !== undefined && method === "HEAD") assertEquals(values(answer, "content-length"), [relayed]);
      assertEquals(recorded(front.events, "a"), [relayed === undefined ? "protocol" : status]);
    });
  }
}

Deno.test("a field of Latin-1: passed on byte for byte", async () => {
  await meet("a field of Latin-1", ({ alone }) => assertEquals(values(alone, "x"), ["caf\xe9"]));
});

Deno.test("every fault of the kit is in one of the tables", () => {
  const tabled = [
    ...Object.values(FAILURES).flat(),
    ...[...ANSWERS, ...INTERRUPTIONS].map(([fault]) => fault),
    ...OTHERS,
  ];
  assertEquals(tabled.toSorted(), Object.keys(FAULTS).toSorted());
});
