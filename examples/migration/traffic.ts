/** Traffic of the shop, the same in each run: `deno run --allow-net examples/migration/traffic.ts [URL] [REQUESTS]` */

/** Sends requests, four at a time. */
export async function sendTraffic(url: string, requests: number): Promise<void> {
  let [seed, left] = [7, requests];
  // Returns a pseudo-random number below `bound` (Lehmer generator, MINSTD).
  const below = (bound: number) => (seed = seed * 48_271 % 0x7fff_ffff) % bound;

  function nextRequest(): Request {
    const chance = below(100);
    if (chance < 50) return new Request(`${url}/products/${1 + below(6)}`);
    if (chance < 70) return new Request(`${url}/products`);
    if (chance < 90) return new Request(`${url}/carts/${1 + below(9)}`);
    return new Request(`${url}/orders`, { method: "POST", body: '{"cart":1}' });
  }

  async function sendInTurn(): Promise<void> {
    while (left-- > 0) {
      await (await fetch(nextRequest())).body?.cancel();
      // Comparing has a fifth of the event loop's time. Under full load, some responses would not be compared.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await Promise.all(Array.from({ length: 4 }, sendInTurn));
}

if (import.meta.main) await sendTraffic(Deno.args[0] ?? "http://127.0.0.1:8080", Number(Deno.args[1] ?? 3_000));
