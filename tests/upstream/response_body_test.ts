/** What of an answer that nobody wants is read, so that its connection can be used again, and what is given up. */

import { assertEquals, assertLess } from "@std/assert";
import { validateConfig } from "../../src/config/validate.ts";
import type { HeaderLine, Service } from "../../src/config/config.ts";
import { Cancellation } from "../../src/lib/cancellation.ts";
import { drainResponse, readWhole } from "../../src/upstream/response_body.ts";

const PIECE_BYTES = 16_384;
/** Those that are read before an answer of unknown length is given up. */
const DRAINED_PIECES = 5;

function newService(): Service {
  const [service] = validateConfig({ services: [{ name: "loser", url: "http://127.0.0.1:1" }] }).config.services;
  return service!;
}

/** Drains an answer of so many pieces, and tells how many were read, and whether the rest was given up. */
async function drain(service: Service, pieces: number, headers: readonly HeaderLine[] = []): Promise<string> {
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
  const cancellation = new Cancellation();
  await drainResponse({ status: 200, headers, body }, { deadline, cancellation, service, tap: undefined });
  assertEquals(isTimed, false);
  return `${read}${isCancelled ? ", given up" : ""}`;
}

Deno.test("drainAnswer() reads a small answer to its end, and gives a large one up after 64 KiB", async () => {
  const service = newService();
  assertEquals(await drain(service, 0), "0");
  assertEquals(await drain(service, 4), "4");
  assertEquals(await drain(service, Infinity), `${DRAINED_PIECES}, given up`);
});

Deno.test("drainAnswer() reads nothing of an answer that is known to be too large", async () => {
  const service = newService();
  for (let answers = 0; answers < 20; answers++) {
    assertEquals(await drain(service, 5, [["Content-Length", `${5 * PIECE_BYTES}`]]), "0, given up");
  }
  assertEquals(await drain(service, 4, [["Content-Length", `${4 * PIECE_BYTES}`]]), "4");
});

Deno.test("drainAnswer() does not begin answers of a service that has sent too much eight times in a row", async () => {
  const [service, other] = [newService(), newService()];
  for (let answers = 0; answers < 8; answers++) assertEquals(await drain(service, Infinity), "5, given up");
  for (let answers = 0; answers < 8; answers++) assertEquals(await drain(service, 1), "0, given up");
  assertEquals(await drain(other, 1), "1");
  // The sixteenth is read to see whether that is still so.
  assertEquals(await drain(service, Infinity), "5, given up");
  for (let answers = 0; answers < 15; answers++) assertEquals(await drain(service, 1), "0, given up");
  assertEquals(await drain(service, 1), "1");
  assertEquals(await drain(service, Infinity), "5, given up");
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
  assertEquals(await readWhole(bodyOf(2, 2), 5), "reset");
  assertEquals(await readWhole(bodyOf(2, 4), 5), "reset");
  assertEquals(await readWhole(bodyOf(), 0), new Uint8Array(0));
});
