import { assertEquals } from "@std/assert";
import { conductor, type ConductorEvent, type ConfigInput } from "@zeek/conductor";

import { UploadWatch } from "../../src/body/upload_watch.ts";

interface Upload {
  readonly minBytesPerSecond?: number;
  readonly isRelaying?: boolean;
  /** Waiting time and total size of each chunk, and time until the service has taken it, in seconds. */
  readonly chunks: readonly { readonly waitS: number; readonly bytes: number; readonly takenS?: number }[];
}

/** Returns the number of the chunk at which the upload is too slow. */
function slowAt({ minBytesPerSecond = 240, isRelaying = false, chunks }: Upload): number | undefined {
  let seconds = 0;
  const listener = { isRelaying, onUploaded() {} };
  const watch = new UploadWatch(listener, { timeoutMs: 30_000, minBytesPerSecond, now: () => seconds * 1_000 });
  let receivedBytes = 0;
  for (const [index, { waitS, bytes, takenS = 0 }] of chunks.entries()) {
    watch.waiting();
    seconds += waitS;
    receivedBytes += bytes;
    if (watch.arrived(receivedBytes) !== undefined) return index + 1;
    seconds += takenS;
  }
  return undefined;
}

const times = <T>(count: number, chunk: T): T[] => Array.from({ length: count }, () => chunk);

Deno.test("UploadWatch ends an upload of one byte per 29 s at its second byte", () => {
  assertEquals(slowAt({ chunks: times(10, { waitS: 29, bytes: 1 }) }), 2);
});

Deno.test("UploadWatch ends an upload below the minimum rate, and lets one above it last for hours", () => {
  assertEquals(slowAt({ chunks: times(10_000, { waitS: 1, bytes: 241 }) }), undefined);
  assertEquals(slowAt({ chunks: times(10_000, { waitS: 1, bytes: 120 }) }), 61);
  assertEquals(slowAt({ chunks: times(1_000, { waitS: 29, bytes: 7_000 }) }), undefined);
});

Deno.test("UploadWatch does not count the time in which a service is slow", () => {
  assertEquals(slowAt({ chunks: times(1_000, { waitS: 0.1, bytes: 24, takenS: 60 }) }), undefined);
});

Deno.test("UploadWatch accepts any rate while a response is being relayed, or with a minimum of 0", () => {
  const chunks = times(1_000, { waitS: 29, bytes: 1 });
  assertEquals(slowAt({ isRelaying: true, chunks }), undefined);
  assertEquals(slowAt({ minBytesPerSecond: 0, chunks }), undefined);
});

/** Uploads one byte every 29 s. Returns the status, the reason for the refusal, and the number of bytes sent. */
async function trickle(limits: ConfigInput["limits"], headers: HeadersInit): Promise<[number, unknown, number]> {
  let nowMs = 0;
  const events: ConductorEvent[] = [];
  const handle = conductor({ limits: limits!, services: [{ name: "a", url: "http://a.test" }] }, {
    now: () => nowMs,
    observe: (event) => events.push(event),
    transport: async ({ body }) => {
      if (body instanceof ReadableStream) await new Response(body).bytes().catch(() => {});
      return { ok: true, response: { status: 200, headers: [], body: null } };
    },
  });
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent === 100) return controller.close();
      nowMs += 29_000;
      sent++;
      controller.enqueue(new Uint8Array(1));
    },
  }, { highWaterMark: 0 });
  const { status } = await handle(new Request("http://h/", { method: "POST", body, headers }));
  const responded = events.find(({ type }) => type === "responded");
  return [status, responded?.type === "responded" && responded.refusal, sent];
}

for (const headers of [{ "content-length": "100" }, { "transfer-encoding": "chunked" }]) {
  const [[name, value]] = Object.entries(headers) as [[string, string]];
  Deno.test(`an upload with ${name}: ${value} of one byte per 29 s gets 408, unless minUploadRate is 0`, async () => {
    const [status, refusal, sent] = await trickle({}, headers);
    assertEquals([status, refusal], [408, "slow-upload"]);
    // Chunks that were requested before the refusal.
    assertEquals(sent <= 3, true);
    assertEquals(await trickle({ minUploadRate: 0 }, headers), [200, undefined, 100]);
  });
}
