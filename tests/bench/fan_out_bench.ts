/** conductor compared with a minimal fan-out over `fetch`, with the same two backends over real sockets. */

import { conductor } from "@zeek/conductor";
import { fetchFanOut } from "./peers/fetch_fan_out.ts";

const backends = [1, 2].map(() =>
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => Response.json({ id: 7, name: "x".repeat(80) }))
);
const urls = backends.map(({ addr }) => `http://127.0.0.1:${addr.port}`);

const minimalFanOut = fetchFanOut(urls);
const handle = conductor({ services: urls.map((url, index) => ({ name: `b${index}`, url, primary: index === 0 })) });
const info = { remoteAddr: { hostname: "127.0.0.1" } };

/** Sends 16 concurrent requests. */
async function burst(send: () => Promise<Response>): Promise<void> {
  await Promise.all(Array.from({ length: 16 }, async () => {
    const response = await send();
    const text = await response.text();
    if (!response.ok) throw new Error(text);
  }));
}

Deno.bench("minimal fetch fan-out, 16 requests", { group: "fan-out", baseline: true }, async () => {
  await burst(() => minimalFanOut(new Request("http://127.0.0.1/api")));
});
Deno.bench("conductor, 16 requests", { group: "fan-out" }, async () => {
  await burst(() => handle(new Request("http://127.0.0.1/api"), info));
});
