/** A backend in a process of its own: `healthy` answers at once, any other argument is a trouble. */

import { startTroubled, TROUBLES } from "../../_support/troubles.ts";
import { LARGE_BYTES, SMALL_BYTES } from "./requests.ts";

const small = new Uint8Array(SMALL_BYTES).fill(120);
const large = new Uint8Array(LARGE_BYTES).fill(120);

async function answer(request: Request): Promise<Response> {
  await request.bytes();
  return new Response(request.url.endsWith("/large") ? large : small);
}

if (import.meta.main) {
  const trouble = TROUBLES.find((trouble) => trouble === Deno.args[0]);
  const url = trouble === undefined
    ? `http://127.0.0.1:${Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer).addr.port}`
    : (await startTroubled(trouble)).url;
  console.log(`listening on ${url}`);
  if (trouble === "refuses") await new Promise(() => setInterval(() => {}, 60_000));
}
