/** A client that reads raw bytes, with little CPU time in the process of the test. */

/** Requests a path on a new connection, and reads until the server or the signal closes it. */
export async function readRaw(url: string, path: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  const buffer = new Uint8Array(262_144);
  try {
    await connection.write(
      new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: conductor\r\nConnection: close\r\n\r\n`),
    );
    // Reads with bytes at hand resolve at once, so only a timer lets other tasks run.
    while (await connection.read(buffer) !== null) await new Promise((resolve) => setTimeout(resolve));
  } catch {
    // The attack is over, or conductor has cut the response.
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) connection.close();
  }
}
