/**
 * Measures a chunked upload to a plain `Deno.serve`, without conductor, whose reader is slower than the sender. The
 * time grows with the square of the size because of the server's decoder. With a Content-Length, it does not.
 */

const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
  let chunks = 0;
  for await (const _ of request.body!) if (++chunks % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return new Response();
});

const SENDER = `
  const [url, mebibytes] = Deno.args;
  let left = Number(mebibytes) * 16;
  const body = new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(new Uint8Array(65_536)) : controller.close(),
  });
  await (await fetch(url, { method: "POST", body })).body?.cancel();
`;

const sender = await Deno.makeTempFile({ suffix: ".js" });
await Deno.writeTextFile(sender, SENDER);
for (const mebibytes of [32, 64, 128, 256]) {
  const started = performance.now();
  // The sender needs its own process. In this one, it would wait for the reader.
  const args = ["run", "--allow-net", sender, `http://127.0.0.1:${server.addr.port}`, String(mebibytes)];
  await new Deno.Command(Deno.execPath(), { args }).output();
  console.log(`${mebibytes} MiB: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}
await Deno.remove(sender);
await server.shutdown();
