/** W3C Trace Context on the wire: `traceparent` and `tracestate` of the requests to services. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { SecondaryServiceInput } from "@zeek/conductor";
import { parseTraceparent } from "../../src/http/trace_context.ts";
import { exchangeRaw, startBackend, startListening } from "../_support/servers.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const VALID = `traceparent: 00-${TRACE}-${PARENT}-01`;

interface Row {
  readonly rule: string;
  /** Header lines of the request. */
  readonly sent: readonly string[];
  /** The received trace; `undefined` if the field is missing or invalid. */
  readonly trace: { readonly traceId: string; readonly flags: string } | undefined;
  /** The received tracestate. */
  readonly state?: string;
  /** Settings of the service. */
  readonly service?: Partial<SecondaryServiceInput>;
}

const SAMPLED = { traceId: TRACE, flags: "01" };
const LONG_STATE = Array.from({ length: 32 }, (_, nth) => `vendor${nth}=${"x".repeat(40)}`).join(",");

const ROWS: readonly Row[] = [
  { rule: "a request without a trace starts none", sent: [], trace: undefined },
  { rule: "a trace is forwarded", sent: [VALID], trace: SAMPLED },
  {
    rule: "a trace that is not sampled stays unsampled",
    sent: [VALID.replace(/01$/, "00")],
    trace: { ...SAMPLED, flags: "00" },
  },
  { rule: "a later version is forwarded as version 00", sent: [VALID.replace("00-", "01-") + "-x"], trace: SAMPLED },
  { rule: "the case of a name is ignored", sent: [VALID.replace("traceparent", "TraceParent")], trace: SAMPLED },
  {
    rule: "tracestate is forwarded byte for byte",
    sent: [VALID, "tracestate: b=2;x:y,  a@v=%20 ,c= 3"],
    trace: SAMPLED,
    state: "b=2;x:y,  a@v=%20 ,c= 3",
  },
  {
    rule: "tracestate may have many lines and many members",
    sent: [VALID, `tracestate: ${LONG_STATE}`, "tracestate: z=1"],
    trace: SAMPLED,
    state: `${LONG_STATE}, z=1`,
  },
  { rule: "an empty tracestate is not forwarded", sent: [VALID, "tracestate:"], trace: SAMPLED },
  { rule: "tracestate without traceparent is not forwarded", sent: ["tracestate: a=1"], trace: undefined },
  { rule: "an invalid field is not forwarded", sent: ["traceparent: 00-1-2-3", "tracestate: a=1"], trace: undefined },
  {
    rule: "an id of zeros is not forwarded",
    sent: [`traceparent: 00-${"0".repeat(32)}-${PARENT}-01`, "tracestate: a=1"],
    trace: undefined,
  },
  { rule: "two fields are not forwarded", sent: [VALID, VALID, "tracestate: a=1"], trace: undefined },
  {
    rule: "a service may get no trace",
    sent: [VALID, "tracestate: a=1", "baggage: user=1"],
    trace: undefined,
    service: { removeHeaders: ["traceparent", "tracestate", "baggage"] },
  },
  {
    rule: "a service may get another trace",
    sent: [VALID],
    trace: { traceId: "f".repeat(32), flags: "00" },
    service: { headers: { traceparent: `00-${"f".repeat(32)}-${PARENT}-00` } },
  },
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const { rule, sent, trace, state, service } of ROWS) {
    Deno.test(`traces over ${over}: ${rule}`, async () => {
      await using backend = startBackend();
      const services = [{ name: "a", url: backend.url, ...service }];
      await using front = await startListening(listener, { services }, { transport: create() });
      await exchangeRaw(front.port, ["GET / HTTP/1.1", "Host: a", "Connection: close", ...sent, "", ""].join("\r\n"));
      const [{ headers } = { headers: new Headers() }] = backend.seen;
      const traceparent = headers.get("traceparent");
      assertEquals(traceparent === null ? undefined : parseTraceparent(traceparent), trace);
      assertEquals(headers.get("tracestate"), state ?? null);
      if (service?.headers === undefined) assertEquals(traceparent?.includes(PARENT) ?? false, false);
    });
  }

  Deno.test(`traces over ${over}: each service gets a new id for each request`, async () => {
    await using blue = startBackend();
    await using green = startBackend();
    await using front = await startListening(listener, {
      services: [
        { name: "blue", url: blue.url, primary: true },
        { name: "green", url: green.url, shadow: true },
      ],
    }, { transport: create() });
    for (const _ of [1, 2]) {
      const response = await fetch(front.url, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
      await response.body?.cancel();
    }
    await Promise.all([blue.received(2), green.received(2)]);
    const ids = [...blue.seen, ...green.seen].map(({ headers }) => {
      const traceparent = headers.get("traceparent") ?? "";
      assertMatch(traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
      return traceparent;
    });
    assertEquals(new Set(ids).size, 4);
  });

  Deno.test(`traces over ${over}: the event of a response has the trace's id`, async () => {
    await using backend = startBackend();
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
      transport: create(),
    });
    await (await fetch(front.url, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } })).body?.cancel();
    await (await fetch(front.url)).body?.cancel();
    const [traced, other] = front.events.filter((event) => event.type === "responded");
    assertEquals(traced?.traceId, TRACE);
    assertNotEquals(other, undefined);
    assertEquals(other !== undefined && "traceId" in other, false);
  });
}
