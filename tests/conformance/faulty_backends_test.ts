/** Misbehaving backends: the client's response, the events, and the next request. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConductorEvent, FailureKind, Transport } from "@zeek/conductor";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { DEVIATIONS, FAILURES, INTERRUPTIONS, RESPONSES } from "../_support/fault_outcomes.ts";
import { type FaultName, FAULTS, HEALTHY_BODY, startFaultyBackend } from "../_support/faults.ts";
import { exchangeOnce, type RawResponse } from "../_support/raw_response.ts";
import { type Front, startBackend, startListening } from "../_support/servers.ts";
import { COMBINATIONS, type TransportName, TRANSPORTS } from "../_support/transports.ts";

/** Faults with their own tests below. */
const OTHERS: readonly FaultName[] = ["a gzip bomb"];

/** A fault of a backend, and a transport. */
interface Case {
  readonly fault: FaultName;
  readonly create: () => Transport;
  readonly listener: ListenerKind;
  /** True if the fault ends with the timeout, which is then short. */
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

/** Sends requests to two backends with the fault: one alone on its route, and one with a healthy secondary. */
async function observe(
  { fault, create, listener, hangs }: Case,
  check: (scene: Scene) => Promise<void> | void,
): Promise<void> {
  await using healthy = startBackend(() => new Response("backup"));
  await using single = await startFaultyBackend(FAULTS[fault]);
  await using double = await startFaultyBackend(FAULTS[fault]);
  const timeout = hangs ? "250ms" : "10s";
  await using front = await startListening(listener, {
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

/** Returns the outcome of a service's first attempt, and its interruption. */
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

/** Returns the faults that fail without a response, with the failure kind over this transport. */
function failuresOver(over: TransportName): (readonly [fault: FaultName, kind: FailureKind])[] {
  const common = Object.entries(FAILURES).flatMap(([kind, faults]) =>
    faults.map((fault) => [fault, kind as FailureKind] as const)
  );
  return [...common, ...Object.entries(DEVIATIONS[over].failures) as [FaultName, FailureKind][]];
}

function responsesOver(over: TransportName): typeof RESPONSES {
  return RESPONSES.filter(([fault]) => !(fault in DEVIATIONS[over].failures));
}

for (const [over, create, listener, transport] of COMBINATIONS) {
  const deviations = DEVIATIONS[transport];

  for (const [fault, kind] of failuresOver(transport)) {
    Deno.test(`${fault}: ${kind}, and the client gets 502 or the secondary's response, over ${over}`, async () => {
      await observe({ fault, create, listener, hangs: kind === "timeout" }, ({ front, alone, withSecondary }) => {
        assertEquals([alone.status, alone.whole], [502, true]);
        assertEquals(JSON.parse(alone.body).services, [{ service: "single", role: "primary", failure: kind }]);
        assertEquals([withSecondary.status, withSecondary.body, withSecondary.whole], [200, "backup", true]);
        for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [kind]);
      });
    });
  }

  for (const [fault, status, body] of responsesOver(transport)) {
    Deno.test(`${fault}: ${status} with a complete body, over ${over}`, async () => {
      await observe({ fault, create, listener }, ({ front, alone, withSecondary }) => {
        for (const response of [alone, withSecondary]) {
          assertEquals([response.status, response.body, response.whole], [status, body, true]);
          const framing = [...values(response, "content-length"), ...values(response, "transfer-encoding")];
          assert(framing.length < 2, `framed twice: ${framing}`);
        }
        for (const service of ["single", "double"]) assertEquals(recorded(front.events, service), [status]);
      });
    });
  }

  for (const [fault, body, exactly] of INTERRUPTIONS) {
    if (fault in deviations.failures) continue;
    const kind = deviations.recorded[exactly] ?? exactly;
    Deno.test(`${fault}: the client's connection is cut, and the event says ${kind}, over ${over}`, async () => {
      await observe({ fault, create, listener, hangs: kind === "timeout" }, async ({ front, alone, withSecondary }) => {
        for (const response of [alone, withSecondary]) {
          assertEquals([response.status, response.whole], [200, false]);
          assertMatch(response.body, body);
        }
        for (const service of ["single", "double"]) {
          await front.event((event) => event.type === "interrupted" && event.service === service);
          assertEquals(recorded(front.events, service), [200, kind]);
        }
      });
    });
  }

  Deno.test(`a gzip bomb: relayed without decoding, over ${over}`, async () => {
    await observe({ fault: "a gzip bomb", create, listener }, ({ alone, withSecondary }) => {
      for (const response of [alone, withSecondary]) {
        assertEquals([response.status, values(response, "content-encoding"), response.whole], [200, ["gzip"], true]);
        assertEquals(values(response, "content-length"), [String(response.body.length)]);
        assert(response.body.length < 100_000, `${response.body.length} bytes`);
      }
    });
  });

  Deno.test(`a field of Latin-1: relayed byte for byte, over ${over}`, async () => {
    await observe(
      { fault: "a field of Latin-1", create, listener },
      ({ alone }) => assertEquals(values(alone, "x"), ["caf\xe9"]),
    );
  });
}

/** Content-Length of responses without a body, which only conductor checks. */
const LENGTHS_WITHOUT_BODY: readonly (readonly [length: string, relayed: string | undefined])[] = [
  ["1234", "1234"],
  ["2\r\ncontent-length: 2", "2"],
  ["-2", undefined],
  ["2, 4", undefined],
  ["two", undefined],
  ["99999999999999999999999", undefined],
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const [length, relayed] of LENGTHS_WITHOUT_BODY) {
    for (const [method, status] of [["HEAD", 200], ["GET", 304]] as const) {
      const label = `content-length ${JSON.stringify(length)} of a ${method} with ${status}`;
      Deno.test(`${label} is ${relayed ? "relayed" : "refused"} over ${over}`, async () => {
        await using backend = await startFaultyBackend(({ write }) =>
          write(`HTTP/1.1 ${status} X\r\ncontent-length: ${length}\r\n\r\n`)
        );
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
          transport: create(),
        });
        const response = await exchangeOnce(front.port, `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
        assertEquals(response.status, relayed === undefined ? 502 : status);
        // `Deno.serve` removes the field from a 304.
        if (relayed !== undefined && (method === "HEAD" || listener === "node")) {
          assertEquals(values(response, "content-length"), [relayed]);
        }
        assertEquals(recorded(front.events, "a"), [relayed === undefined ? "protocol" : status]);
      });
    }
  }
}

for (const [over] of TRANSPORTS) {
  Deno.test(`every fault is in one of the tables for ${over}`, () => {
    const failures = failuresOver(over).map(([fault]) => fault);
    const interruptions = INTERRUPTIONS.map(([fault]) => fault).filter((fault) => !failures.includes(fault));
    const tabled = [...failures, ...responsesOver(over).map(([fault]) => fault), ...interruptions, ...OTHERS];
    assertEquals(tabled.toSorted(), Object.keys(FAULTS).toSorted());
  });
}
