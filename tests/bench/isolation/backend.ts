/** A backend in a process of its own: without an argument it answers at once, with one in that manner. */

import { delay } from "@std/async/delay";
import { startTroubled, TROUBLES } from "../../_support/troubles.ts";
import { LARGE_BYTES, SMALL_BYTES } from "./requests.ts";

const small = new Uint8Array(SMALL_BYTES).fill(120);
const large = new Uint8Array(LARGE_BYTES).fill(120);

/** Within the time-out, and long enough that hundreds of requests are in flight at once. */
const LATE_MS = 300;

async function answer(request: Request): Promise<Response> {
  await request.bytes();
  if (manner === "answers late") await delay(LATE_MS);
  return new Response(request.url.endsWith("/large") ? large : small);
}

const [manner = "is healthy"] = Deno.args;
const trouble = TROUBLES.find((trouble) => trouble === manner);
const url = trouble === undefined
  ? `http://127.0.0.1:${Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer).addr.port}`
  : (await startTroubled(trouble)).url;
console.log(`listening on ${url}`);
if (trouble === "refuses") await new Promise(() => setInterval(() => {}, 60_000));
