/** A tunnel without anything else: no selection, limits, timeouts, counts or mirrors. */

import { parseArgs } from "@std/cli/parse-args";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Buffer } from "node:buffer";

async function relay(service: Deno.Conn, socket: Socket): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await service.read(buffer)) !== null;) {
    await new Promise<void>((resolve) => socket.write(buffer.subarray(0, count!), () => resolve()));
  }
  socket.end();
}

if (import.meta.main) {
  const { origins } = parseArgs(Deno.args, { string: ["origins"] });
  const { hostname, port } = new URL(origins!);
  const server = createServer();
  server.on("upgrade", async ({ method, url, rawHeaders }, socket: Socket, head: Buffer) => {
    const service = await Deno.connect({ hostname, port: Number(port) });
    const fields = rawHeaders.map((text, index) => index % 2 === 0 ? `${text}: ` : `${text}\r\n`).join("");
    await service.write(new TextEncoder().encode(`${method} ${url} HTTP/1.1\r\n${fields}\r\n`));
    relay(service, socket).catch(() => socket.destroy());
    if (head.length > 0) await service.write(head);
    for await (const chunk of socket) {
      for (let at = 0; at < chunk.length;) at += await service.write(chunk.subarray(at));
    }
    await service.closeWrite();
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
