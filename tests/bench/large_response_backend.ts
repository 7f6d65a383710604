/** A backend with cheap responses of any size: the request path is the size in MiB. */

const BLOCK = new Uint8Array(1_048_576);

async function respond(connection: Deno.Conn): Promise<void> {
  using open = connection;
  const buffer = new Uint8Array(8_192);
  const decoder = new TextDecoder();
  for (let count; (count = await open.read(buffer)) !== null;) {
    const mebibytes = Number(/^GET \/(\d+) /.exec(decoder.decode(buffer.subarray(0, count)))?.[1] ?? 0);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${mebibytes * BLOCK.length}\r\n\r\n`;
    await open.write(new TextEncoder().encode(head));
    for (let sent = 0; sent < mebibytes; sent++) {
      for (let rest = BLOCK; rest.length > 0;) rest = rest.subarray(await open.write(rest));
    }
  }
}

if (import.meta.main) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  console.log(`listening on http://127.0.0.1:${listener.addr.port}`);
  for await (const connection of listener) respond(connection).catch(() => {});
}
