/** Unselected responses: drained if short, so that their connection can be used again, otherwise discarded. */

import { assertEquals, assertLess, assertObjectMatch } from "@std/assert";
import { validateConfig } from "../../src/config/validate.ts";
import type { HeaderLine, Service } from "../../src/config/config.ts";
import { Cancellation } from "../../src/lib/cancellation.ts";
import { DrainHistory, drainResponse, readWhole } from "../../src/upstream/response_body.ts";

const PIECE_BYTES = 16_384;
/** Pieces read of a response of unknown length before it is cancelled. */
const DRAINED_PIECES = 5;

function newService(): Service {
  const [service] = validateConfig({ services: [{ name: "loser", url: "http://127.0.0.1:1" }] }).config.services;
  return service!;
}

interface Drained {
  readonly service: Service;
  readonly pieces: number;
  readonly headers?: readonly HeaderLine[];
}

/** Drains responses with one history. Returns the number of pieces read, and whether the rest was cancelled. */
function drainer(): (drained: Drained) => Promise<string> {
  const history = new DrainHistory();
  return async ({ service, pieces, headers = [] }) => {
    let [read, isCancelled, isTimed] = [0, false, false];
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (read === pieces) return controller.close();
        read++;
        controller.enqueue(new Uint8Array(PIECE_BYTES));
      },
      cancel: () => void (isCancelled = true),
    }, { highWaterMark: 0 });
    const deadline = { refresh: () => void (isTimed = true), stop: () => void (isTimed = false) };
    const attempt = { deadline, cancellation: new Cancellation(), service, tap: undefined };
    await drainResponse({ status: 200, headers, body }, attempt, history);
    assertEquals(isTimed, false);
    return `${read}${isCancelled ? ", cancelled" : ""}`;
  };
}

Deno.test("drainResponse() reads a short response to its end, and cancels a long one after 64 KiB", async () => {
  const [drain, service] = [drainer(), newService()];
  assertEquals(await drain({ service, pieces: 0 }), "0");
  assertEquals(await drain({ service, pieces: 4 }), "4");
  assertEquals(await drain({ service, pieces: Infinity }), `${DRAINED_PIECES}, cancelled`);
});

Deno.test("drainResponse() reads nothing of a response whose Content-Length is too large", async () => {
  const [drain, service] = [drainer(), newService()];
  for (let count = 0; count < 20; count++) {
    const headers = [["Content-Length", `${5 * PIECE_BYTES}`]] as const;
    assertEquals(await drain({ service, pieces: 5, headers }), "0, cancelled");
  }
  const headers = [["Content-Length", `${4 * PIECE_BYTES}`]] as const;
  assertEquals(await drain({ service, pieces: 4, headers }), "4");
});

Deno.test("drainResponse() discards the responses of a service after eight overlong ones, and probes every sixteenth", async () => {
  const [drain, service, other] = [drainer(), newService(), newService()];
  const long = { service, pieces: Infinity };
  const short = { service, pieces: 1 };
  for (let count = 0; count < 8; count++) assertEquals(await drain(long), "5, cancelled");
  for (let count = 0; count < 8; count++) assertEquals(await drain(short), "0, cancelled");
  assertEquals(await drain({ service: other, pieces: 1 }), "1");
  assertEquals(await drain(long), "5, cancelled");
  for (let count = 0; count < 15; count++) assertEquals(await drain(short), "0, cancelled");
  assertEquals(await drain(short), "1");
  assertEquals(await drain(long), "5, cancelled");
});

Deno.test("DrainHistory is kept per handler: another one knows nothing of a service's overlong responses", async () => {
  const [drain, service] = [drainer(), newService()];
  for (let count = 0; count < 8; count++) await drain({ service, pieces: Infinity });
  assertEquals(await drain({ service, pieces: 1 }), "0, cancelled");
  assertEquals(await drainer()({ service, pieces: 1 }), "1");
});

Deno.test("readWhole() does not hold the buffers of a small body that arrives in tiny pieces", async () => {
  const lengthBytes = 20_000;
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent++ === lengthBytes) return controller.close();
      controller.enqueue(new Uint8Array(65_536).fill(7).subarray(0, 1));
    },
  }, { highWaterMark: 0 });
  const before = Deno.memoryUsage().external;
  let [mostBytes, reads] = [0, 0];
  const watched = body.pipeThrough(
    new TransformStream({
      transform(piece, controller) {
        if (++reads % 500 === 0) mostBytes = Math.max(mostBytes, Deno.memoryUsage().external - before);
        controller.enqueue(piece);
      },
    }),
  );
  assertEquals(await readWhole(watched, lengthBytes), new Uint8Array(lengthBytes).fill(7));
  // V8 collects such buffers after about 64 MiB. If held, they would take 1,250 MiB.
  assertLess(mostBytes, 300_000_000);
});

Deno.test("readWhole() fails with reset if the length of a body differs from Content-Length", async () => {
  const bodyOf = (...lengths: number[]) => ReadableStream.from(lengths.map((length) => new Uint8Array(length)));
  assertEquals(await readWhole(bodyOf(2, 3), 5), new Uint8Array(5));
  assertObjectMatch(await readWhole(bodyOf(2, 2), 5), { kind: "reset", error: "body of 4 bytes instead of 5" });
  assertObjectMatch(await readWhole(bodyOf(2, 4), 5), { kind: "reset", error: "body of 6 bytes instead of 5" });
  assertEquals(await readWhole(bodyOf(), 0), new Uint8Array(0));
});
