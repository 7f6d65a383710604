/** Backends that respond with 2 KB of JSON. The first two send a constant body, the others a body with a timestamp. */

/** Length of each response body. */
export const BODY_BYTES = 2_048;

const encoder = new TextEncoder();
const items = Array.from({ length: 16 }, (_, id) => ({
  id: 1_000 + id,
  name: `Item number ${id}`,
  price: 12.5 + id,
  tags: ["red", "blue"],
  stock: { north: id, south: 2 * id },
  isActive: id % 2 === 0,
}));
const start = JSON.stringify({ id: 7, user: "someone", items }).slice(0, -1);
let responses = 0;

function bodyAt(timeMs: number): Uint8Array<ArrayBuffer> {
  const end = `,"generatedAt":"${new Date(timeMs).toISOString()}","note":""}`;
  const note = "x".repeat(BODY_BYTES - start.length - end.length);
  return encoder.encode(`${start}${end.slice(0, -2)}${note}"}`);
}

const same = bodyAt(0);
const bodies = [() => same, () => same, () => bodyAt(++responses), () => bodyAt(++responses)];

if (import.meta.main) {
  const urls = bodies.map((body) => {
    const { addr } = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response(body(), { headers: { "content-type": "application/json" } }),
    );
    return `http://127.0.0.1:${addr.port}`;
  });
  console.log(`listening on ${urls.join(" ")}`);
}
