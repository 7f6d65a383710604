/** Memory for bodies of any size: conductor as a separate process, measured from outside. */

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { startCli, tempConfig } from "./_support/cli_process.ts";
import { readUntil, startRawBackend, type TestServer } from "./_support/servers.ts";

const MIB = 1024 * 1024;
const SIZE = Number(Deno.env.get("SOAK_BODY_MIB") ?? 1_024) * MIB;
const LIMIT_MIB = 64;
const hasProc = await Deno.stat("/proc/self/status").then(() => true, () => false);
const CHUNK = new Uint8Array(65_536);

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

async function writeBody(connection: Deno.Conn, size: number): Promise<void> {
  for (let sent = 0; sent < size; sent += CHUNK.length) await writeAll(connection, CHUNK.subarray(0, size - sent));
}

/** Counts the received bytes until the other side closes, or until `limit`. */
async function drain(connection: Deno.Conn, limit = Infinity): Promise<number> {
  const buffer = new Uint8Array(262_144);
  let bytes = 0;
  for (let count; bytes < limit && (count = await connection.read(buffer)) !== null;) bytes += count;
  return bytes;
}

/** Receives or sends a body of known length without keeping it. */
function startBulkBackend(): TestServer & { receivedBytes: number[] } {
  const receivedBytes: number[] = [];
  const server = startRawBackend(async (connection) => {
    const head = await readUntil(connection);
    const isUpload = head.startsWith("POST");
    const early = head.length - head.indexOf("\r\n\r\n") - 4;
    if (isUpload) receivedBytes.push(early + await drain(connection, SIZE - early));
    const length = isUpload ? 0 : SIZE;
    await writeAll(connection, encode(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`));
    await writeBody(connection, length);
  });
  return { ...server, receivedBytes };
}

function memoryMiB(pid: number, field: "VmHWM" | "VmRSS"): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) / 1024;
}

/** Sends a request with this many bytes, and counts the bytes of the response. */
async function exchange(port: number, head: string, bodyBytes: number): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await writeAll(connection, encode(`${head}\r\nHost: h\r\nConnection: close\r\n\r\n`));
  await writeBody(connection, bodyBytes);
  return await drain(connection);
}

for (const services of [2, 4]) {
  for (const direction of ["up", "down"] as const) {
    Deno.test({
      name: `${SIZE / MIB} MiB ${direction} with ${services} services adds less than ${LIMIT_MIB} MiB`,
      ignore: !hasProc, // Only /proc has the peak memory of another process.
      async fn() {
        await using backend = startBulkBackend();
        await using file = await tempConfig(JSON.stringify({
          services: Array.from({ length: services }, (_, index) => ({
            name: `s${index}`,
            url: backend.url,
            primary: index === 0,
          })),
        }));
        await using child = startCli(["-c", file.path, "--port", "0", "--host", "127.0.0.1"]);
        const [, port] = await child.stdout.seen(/"url":"http:\/\/[^:"]+:(\d+)/);
        const before = memoryMiB(child.pid, "VmRSS");
        if (direction === "down") {
          assertGreaterOrEqual(await exchange(Number(port), "GET / HTTP/1.1", 0), SIZE);
        } else {
          await exchange(Number(port), `POST / HTTP/1.1\r\nContent-Length: ${SIZE}`, SIZE);
          assertEquals(Math.max(...backend.receivedBytes), SIZE);
        }
        const growth = memoryMiB(child.pid, "VmHWM") - before;
        assertLess(growth, LIMIT_MIB, `it added ${Math.round(growth)} MiB`);
      },
    });
  }
}
