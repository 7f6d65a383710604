/** SPEC §2 to §4 against backends that misbehave: what the client gets, what is recorded, and that the next request is served. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConductorEvent, FailureKind, Transport } from "@zeek/conductor";
import { DEVIATIONS, FAILURES, INTERRUPTIONS, RESPONSES } from "../_support/fault_outcomes.ts";
import { type FaultName, FAULTS, HEALTHY_BODY, startFaultyBackend } from "../_support/faults.ts";
import { exchangeOnce, type RawResponse } from "../_support/raw_response.ts";
import { type Front, startBackend, startConductor } from "../_support/servers.ts";
import { type TransportName, TRANSPORTS } from "../_support/transports.ts";

/** Looked at by itself below. */
const OTHERS: readonly FaultName[] = ["a gzip bomb"];

/** A fault that a backend has, and the transport that it is met over. */
interface Case {
  readonly fault: FaultName;
  readonly create: () => Transport;
  /** Whether the time-out is what ends it: short where it will pass, long where it must not. */
  readonly hangs?: boolean;
}

interface Scene {
  readonly front: Front;
  readonly alone: RawResponse;
  readonly withSecondary: RawResponse;
}

function get(front: Front, path: string): Promise<RawResponse> {
  const head = `GET ${path} HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nConnection: close\r\n\r\n`;
  return exchangeOnce(front.port, head);
}

/** One backend with the fault alone on its route, and one with a healthy secondary beside it. */
async function meet({ fault, create, hangs }: Case, check: (scene: Scene) => Promise<void> | void): Promise<void> {
  await using healthy = startBackend(() => new Response("backup"));
  await using single = await startFaultyBackend(FAULTS[fault]);
  await using double = await startFaultyBackend(FAULTS[fault]);
  const timeout = hangs ? "250ms" : "10s";
  await using front = startConductor({
    services: [
      { name: "single", url: single.url, pathPrefix: "/alone", timeout },
      { name: "double", url: double.url, pathPrefix: "/both", timeout, primary: true },
      { name: "backup", url: healthy.url, pathPrefix: "/both" },
    ],
  }, { transport: create() });
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

/** The failures of a fault before there is a response, as this transport records them. */
function failuresOver(over: TransportName): (readonly [fault: FaultName, kind: FailureKind])[] {
  const common = Object.entries(FAILURES).flatMap(([kind, faults]) =>
    faults.map((fault) => [fault, kind as FailureKind] as const)
  );
  return [...common, ...Object.entries(DEVIATIONS[over].failures) as [FaultName, FailureKind][]];
}

function answersOver(over: TransportName): typeof RESPONSES {
  return RESPONSES.filter(([fault]) => !(fault in DEVIATIONS[over].failures));
}

for (const [over, create] of TRANSPORTS) {
  const deviations = DEVIATIONS[over];

  for (const [fault, kind] of failuresOver(over)) {
    Deno.test(`${fault}: ${kind}; 502, or the secondary's response, over ${over}`, async () => {
      await meet({ fault, create, hangs: kind === "timeout" }, ({ front, alone, withSecondary }) => {
        assertEquals([alone.status, alone.whole], [502, true]);
        assertEquals(JSON.parse(alone.body).services, [{ service: "single", role: "primary", failure: kind }]);
        assertEquals([withSecondary.status, withSecondary.body, withSecondary.whole], [200, "backup", true]);
        for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [kind]);
      });
    });
  }

  for (const [fault, status, body] of answersOver(over)) {
    Deno.test(`${fault}: ${status}, and what there is of a body whole, over ${over}`, async () => {
      await meet({ fault, create }, ({ front, alone, withSecondary }) => {
        for (const answer of [alone, withSecondary]) {
          assertEquals([answer.status, answer.body, answer.whole], [status, body, true]);
          const framing = [...values(answer, "content-length"), ...values(answer, "transfer-encoding")];
          assert(framing.length < 2, `framed twice: ${framing}`);
        }
        for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [status]);
      });
    });
  }

  for (const [fault, body, exactly] of INTERRUPTIONS) {
    if (fault in deviations.failures) continue;
    const kind = deviations.recorded[exactly] ?? exactly;
    Deno.test(`${fault}: the client's connection is cut, and ${kind} is recorded, over ${over}`, async () => {
      await meet({ fault, create, hangs: kind === "timeout" }, async ({ front, alone, withSecondary }) => {
        for (const answer of [alone, withSecondary]) {
          assertEquals([answer.status, answer.whole], [200, false]);
          assertMatch(answer.body, body);
        }
        for (const service of ["single", "double"]) {
          await front.event((event) => event.type === "interrupted" && event.service === service);
          assertEquals(recorded(front.events, service), [200, kind]);
        }
      });
    });
  }

  Deno.test(`a gzip bomb: passed on as it is, not unpacked on the way, over ${over}`, async () => {
    await meet({ fault: "a gzip bomb", create }, ({ alone, withSecondary }) => {
      for (const answer of [alone, withSecondary]) {
        assertEquals([answer.status, values(answer, "content-encoding"), answer.whole], [200, ["gzip"], true]);
        assertEquals(values(answer, "content-length"), [String(answer.body.length)]);
        assert(answer.body.length < 100_000, `${answer.body.length} bytes`);
      }
    });
  });

  Deno.test(`a field of Latin-1: passed on byte for byte, over ${over}`, async () => {
    await meet({ fault: "a field of Latin-1", create }, ({ alone }) => assertEquals(values(alone, "x"), ["caf\xe9"]));
  });
}

/** Where there is no body, nobody but us looks at its length. */
const LENGTHS_OF_NOTHING: readonly (readonly [length: string, relayed: string | undefined])[] = [
  ["1234", "1234"],
  ["2\r\ncontent-length: 2", "2"],
  ["-2", undefined],
  ["2, 4", undefined],
  ["two", undefined],
  ["99999999999999999999999", undefined],
];

for (const [over, create] of TRANSPORTS) {
  for (const [length, relayed] of LENGTHS_OF_NOTHING) {
    for (const [method, status] of [["HEAD", 200], ["GET", 304]] as const) {
      const label = `content-length ${JSON.stringify(length)} of a ${method} with ${status}`;
      Deno.test(`${label} is ${relayed ? "relayed" : "refused"} over ${over}`, async () => {
        await using backend = await startFaultyBackend(({ write }) =>
          write(`HTTP/1.1 ${status} X\r\ncontent-length: ${length}\r\n\r\n`)
        );
        await using front = startConductor({ services: [{ name: "a", url: backend.url }] }, { transport: create() });
        const answer = await exchangeOnce(front.port, `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
        assertEquals(answer.status, relayed === undefined ? 502 : status);
        // Deno's server leaves it out of a 304.
        if (relayed !== undefined && method === "HEAD") assertEquals(values(answer, "content-length"), [relayed]);
        assertEquals(recorded(front.events, "a"), [relayed === undefined ? "protocol" : status]);
      });
    }
  }
}

for (const [over] of TRANSPORTS) {
  Deno.test(`every fault of the kit is in one of the tables for ${over}`, () => {
    const failures = failuresOver(over).map(([fault]) => fault);
    const interruptions = INTERRUPTIONS.map(([fault]) => fault).filter((fault) => !failures.includes(fault));
    const tabled = [...failures, ...answersOver(over).map(([fault]) => fault), ...interruptions, ...OTHERS];
    assertEquals(tabled.toSorted(), Object.keys(FAULTS).toSorted());
  });
}
