/**
 * How long a plain Deno.serve, without conductor, takes for a chunked upload whose reader is slower than its sender: the
 * time grows with the square of the size, in the server's own decoding. With a Content-Length it does not.
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
  // The sender is a process of its own: in this one it would wait for the reader.
  const args = ["run", "--allow-net", sender, `http://127.0.0.1:${server.addr.port}`, String(mebibytes)];
  await new Deno.Command(Deno.execPath(), { args }).output();
  console.log(`${mebibytes} MiB: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}
await Deno.remove(sender);
await server.shutdown();
