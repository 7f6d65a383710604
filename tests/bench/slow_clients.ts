/**
 * Measures the cost of slow clients of an exposed conductor: connections that stay open, without and with
 * `clientTimeouts`, memory per client, and clients that `maxInFlightPerClient` rejects.
 * Linux only, on loopback, with openssl.
 *
 * ```sh
 * deno task slow-clients --clients 200 --seconds 10
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { delay } from "@std/async/delay";
import { cliCommand, tempConfig } from "../_support/cli_process.ts";
import { type Certificate, makeCertificate } from "../_support/certificates.ts";
import { startBackend } from "../_support/servers.ts";
import { freePort } from "../_support/ports.ts";
import { readToEnd } from "../_support/raw_response.ts";

/** Behavior of a connected client. `signal` ends it. */
type Behavior = (connection: Deno.Conn, signal: AbortSignal) => Promise<void>;

interface Measured {
  readonly connected: number;
  readonly refused: number;
  readonly kibEach: number;
}

const TIMEOUT_S = 2;
/** Half of the default measuring time, so that every limit has passed. */
const CLIENT_TIMEOUTS = "clientTimeouts: { header: 3s, request: 4s, idle: 3s, write: 3s }";
const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

/** The timeout is 2 s, so one byte per second is slow but within the limit. */
const BEHAVIORS: Record<string, Behavior> = {
  "sends nothing": () => Promise.resolve(),
  "sends a head byte by byte": (connection, signal) => drip(connection, "GET / HTTP/1.1\r\nX-Slow: ", signal),
  "sends a request and stays": (connection) => write(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  "sends a head and no body": (connection) => write(connection, HEAD),
  "sends a body byte by byte": (connection, signal) => drip(connection, HEAD, signal),
  "does not read a long response": (connection) => write(connection, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"),
};

/** Clients that connect to a listener with a certificate, before or after their handshake. */
const TLS_BEHAVIORS: Record<string, Behavior> = {
  "starts no TLS handshake": () => Promise.resolve(),
  "sends a TLS handshake byte by byte": (connection, signal) => drip(connection, "\x16\x03\x01\x02\x00\x01", signal),
};
const OVER_TLS_BEHAVIORS: Record<string, Behavior> = {
  "sends nothing over TLS": BEHAVIORS["sends nothing"]!,
  "sends a head over TLS byte by byte": BEHAVIORS["sends a head byte by byte"]!,
};

/** A kind of client. */
interface Kind {
  readonly name: string;
  readonly behavior: Behavior;
  /** The certificate of the listener. Default: plain HTTP. */
  readonly certificate?: Certificate;
  /** True if the client completes the handshake first. */
  readonly isOverTls?: boolean;
}

const { clients, seconds } = parseArgs(Deno.args, { default: { clients: 200, seconds: 10 } });
await using certificate = await makeCertificate();
const kindsOf = (behaviors: Record<string, Behavior>, more: Partial<Kind> = {}): Kind[] =>
  Object.entries(behaviors).map(([name, behavior]) => ({ name, behavior, ...more }));
const kinds = [
  ...kindsOf(BEHAVIORS),
  ...kindsOf(TLS_BEHAVIORS, { certificate }),
  ...kindsOf(OVER_TLS_BEHAVIORS, { certificate, isOverTls: true }),
];
const rows = [];
for (let group = 0; group < kinds.length; group += 6) {
  rows.push(...await Promise.all(kinds.slice(group, group + 6).map(rowOf)));
}

async function rowOf(kind: Kind): Promise<(string | number)[]> {
  const [free, limited, timed] = await Promise.all([
    measure(kind),
    measure(kind, "limits: { maxInFlightPerClient: 10 }"),
    measure(kind, CLIENT_TIMEOUTS),
  ]);
  return [kind.name, free.connected, free.kibEach, limited.refused, timed.connected];
}

const titles = [
  "each client",
  "still connected",
  "KiB each",
  "refused with maxInFlightPerClient: 10",
  "still connected with clientTimeouts",
];
console.log(`${clients} clients, ${seconds} s, timeout: ${TIMEOUT_S}s\n`);
for (const row of [titles, titles.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);

async function measure({ behavior, certificate, isOverTls }: Kind, limits = ""): Promise<Measured> {
  const tls = certificate && `tls: ${JSON.stringify({ cert: certificate.cert, key: certificate.key })}\n`;
  const connect = (isOverTls = certificate !== undefined): Promise<Deno.Conn> => {
    const address = { hostname: "127.0.0.1", port };
    return isOverTls ? Deno.connectTls({ ...address, caCerts: [certificate!.cert] }) : Deno.connect(address);
  };
  await using backend = startBackend((request) =>
    request.url.endsWith("/endless")
      ? new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }))
      : new Response("ok")
  );
  await using file = await tempConfig(
    `timeout: ${TIMEOUT_S}\nlogging: { level: error }\n${
      tls ?? ""
    }${limits}\nservices: [{ name: a, url: "${backend.url}" }]\n`,
  );
  const port = freePort();
  const process = cliCommand(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]).spawn();
  const stop = new AbortController();
  const connections: Deno.Conn[] = [];
  try {
    await untilServed(connect);
    const before = await rssKib(process.pid);
    for (let i = 0; i < clients; i++) {
      const connection = await connect(isOverTls ?? false);
      connections.push(connection);
      behavior(connection, stop.signal).catch(() => {});
    }
    await delay(seconds * 1_000);
    const kibEach = Math.round((await rssKib(process.pid) - before) / clients);
    const connected = await establishedOn(port);
    const statuses = await Promise.all(connections.map(statusOf));
    // Other clients are still served.
    if (limits === "") await untilServed(connect);
    return { connected, kibEach, refused: statuses.filter((status) => status === "503").length };
  } finally {
    stop.abort();
    for (const connection of connections) connection.close();
    process.kill("SIGKILL");
    await Promise.all([process.stdout.cancel(), process.stderr.cancel(), process.status]);
  }
}

/** Returns the status of the response; empty if there is none yet. */
async function statusOf(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(64);
  const silence = new AbortController();
  const read = connection.read(buffer).catch(() => null);
  const count = await Promise.race([read, delay(500, { signal: silence.signal }).then(() => null, () => null)]);
  silence.abort();
  return count === null ? "" : new TextDecoder().decode(buffer.subarray(9, 12));
}

async function drip(connection: Deno.Conn, head: string, signal: AbortSignal): Promise<void> {
  await write(connection, head);
  while (!signal.aborted) {
    await delay(1_000, { signal });
    await write(connection, "x");
  }
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** Sends a well-behaved request until conductor responds. */
async function untilServed(connect: () => Promise<Deno.Conn>): Promise<void> {
  for (let attempts = 0; attempts < 500; attempts++) {
    const response = await exchange(connect).catch(() => "");
    if (response !== "") return;
    await delay(20);
  }
  throw new Error("Cannot measure: conductor does not respond");
}

async function exchange(connect: () => Promise<Deno.Conn>): Promise<string> {
  using connection = await connect();
  await write(connection, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return await readToEnd(connection);
}

/** Counts the connections that the server has not closed, from the kernel's list. */
async function establishedOn(port: number): Promise<number> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = (await Deno.readTextFile("/proc/net/tcp")).split("\n").map((line) => line.trim().split(/\s+/));
  return sockets.filter(([, address = "", , state]) => address.endsWith(local) && state === "01").length;
}

async function rssKib(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))!;
  return Number(kib);
}
