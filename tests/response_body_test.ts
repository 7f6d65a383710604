/** What of an answer that nobody wants is read, so that its connection can be used again, and what is given up. */

import { assertEquals } from "@std/assert";
import { validateConfig } from "../src/config/validate.ts";
import type { HeaderLine, Service } from "../src/config/config.ts";
import { Cancellation } from "../src/exchange/cancellation.ts";
import { drainAnswer } from "../src/exchange/response_body.ts";

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
  const deadline = { touch: () => void (isTimed = true), stop: () => void (isTimed = false) };
  const cancellation = new Cancellation();
  await drainAnswer({ status: 200, headers, body }, { deadline, cancellation, service, tap: undefined });
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
