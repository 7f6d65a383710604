/** Shadow requests, and secondaries under `wait: primary`, never affect the response to the client. */

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { delay } from "@std/async/delay";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { CAN_COUNT_CONNECTIONS, countConnectionsTo, freePort, untilListening } from "../_support/ports.ts";
import { type Backend, startBackend, startConductor } from "../_support/servers.ts";
import { startTroubled, TROUBLES } from "../_support/troubles.ts";

const REQUESTS = 300;
/** Upper bound of the requests that are sent until a condition holds. */
const MAX_REQUESTS = 1_500;
const CLIENTS = 30;
const MAX_SHADOW_REQUESTS = 4;
/** Leaves connections for the primary. */
const MAX_CONNECTIONS = CLIENTS + 10;
const UPLOAD = "0123456789abcdef".repeat(65_536);
const hasProc = await Deno.stat("/proc/self/fd").then(() => true, () => false);

/** Returns the request's body, so that clients can check every byte. */
function startEcho(): Backend {
  return startBackend((_, body) => new Response(body === "" ? "nothing" : body));
}

/** Most requests have no body, a quarter has a buffered body, and a few have a streamed body. */
function bodyAt(index: number): string {
  if (index % 50 === 25) return UPLOAD;
  return index % 4 === 1 ? `${index} `.repeat(5_000) : "";
}

async function exchange(url: string, index: number): Promise<void> {
  const body = bodyAt(index);
  const init = body === UPLOAD ? { method: "PUT", body: new Blob([body]).stream() } : { method: "POST", body };
  const response = await fetch(url, body === "" ? {} : init);
  const text = await response.text();
  assertEquals(response.status, 200);
  assert(text === (body === "" ? "nothing" : body), `${text.length} bytes are not the ${body.length} that were sent`);
}

/** Sends requests from several clients at once. Each client sends its next request after the response. */
async function send(url: string, count: number): Promise<void> {
  let sent = 0;
  const client = async () => {
    while (sent < count) await exchange(url, sent++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

function countDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Waits until a process has at most `most` descriptors. The test runner limits the time. */
async function untilDescriptors(pid: number, most: number): Promise<void> {
  while (countDescriptors(pid) > most) await delay(20);
}

/** Skip reasons of shadow requests that a faulty shadow causes. */
const REASONS: ReadonlySet<string> = new Set(["max-in-flight", "connection-budget", "body-lag"]);

for (const role of ["shadow", "secondary"] as const) {
  for (const trouble of TROUBLES) {
    Deno.test(`every client gets the primary's response, byte for byte, next to a ${role} that ${trouble}`, async () => {
      const ids = new Set<string>();
      const limit = role === "shadow" ? MAX_SHADOW_REQUESTS : MAX_CONNECTIONS;
      let requests = REQUESTS;
      let [inFlight, mostInFlight] = [0, 0];
      let port: number;
      {
        await using primary = startEcho();
        await using stack = new AsyncDisposableStack();
        const beside = stack.use(await startTroubled(trouble));
        port = Number(new URL(beside.url).port);
        await using front = startConductor({
          wait: "primary",
          bodyWindow: "128KiB",
          limits: { maxConnectionsPerService: MAX_CONNECTIONS },
          services: [
            { name: "primary", url: primary.url, primary: true },
            // A timeout that never passes: a client that waited for this service would get no response.
            {
              name: "beside",
              url: beside.url,
              timeout: "24h",
              ...(role === "shadow" && { shadow: true, maxInFlight: MAX_SHADOW_REQUESTS }),
            },
          ],
        });
        await send(front.url, REQUESTS);
        if (trouble === "responds without end" || trouble === "resets") {
          // More connections than the limit show that earlier ones have been closed.
          while (beside.connections <= limit && requests < MAX_REQUESTS) await exchange(front.url, requests++);
          assertLess(limit, beside.connections);
        }
        // Ends the attempts that hang. All others have settled.
        await stack.disposeAsync();
        const settledAll = () => {
          const count = (type: string) =>
            front.events.filter((event) => event.type === type && "service" in event && event.service === "beside")
              .length;
          return count("attempted") === count("settled");
        };
        await front.event(settledAll);
        for (const event of front.events) {
          if (event.type === "interrupted") throw new Error(`${event.service} was interrupted`);
          if (!("service" in event) || event.service !== "beside" || !("requestId" in event)) continue;
          ids.add(event.requestId);
          if (event.type === "attempted") mostInFlight = Math.max(mostInFlight, ++inFlight);
          if (event.type === "settled") inFlight--;
          if (event.type === "skipped" && role === "shadow") {
            assert(REASONS.has(event.reason), `skipped as ${event.reason}`);
          }
        }
        const skipped = front.events.some((event) => event.type === "skipped" && event.reason === "max-in-flight");
        if (role === "shadow" && (trouble === "hangs" || trouble === "reads 1 KB/s")) assert(skipped);
      }
      // Each request has an event of this service, sent or skipped.
      assertEquals(ids.size, requests);
      assertEquals(inFlight, 0);
      // An attempt without a permit settles at once, but counts here until then.
      assertLessOrEqual(mostInFlight, limit + 1);
      while (CAN_COUNT_CONNECTIONS && countConnectionsTo(port) > 0) await delay(20);
    });
  }
}

Deno.test({
  name: "memory and descriptors return to their former level after every kind of trouble",
  ignore: !hasProc, // Only /proc shows the descriptors of another process.
  async fn() {
    await using stack = new AsyncDisposableStack();
    const primary = stack.use(startEcho());
    const services: unknown[] = [];
    for (const role of ["shadow", "secondary"] as const) {
      for (const [index, trouble] of TROUBLES.entries()) {
        const beside = stack.use(await startTroubled(trouble));
        const pathPrefix = `/${role}/${index}`;
        services.push(
          { name: `primary of ${pathPrefix}`, url: primary.url, primary: true, pathPrefix },
          { name: `beside ${pathPrefix}`, url: beside.url, shadow: role === "shadow", timeout: "300ms", pathPrefix },
        );
      }
    }
    const file = stack.use(
      await tempConfig(JSON.stringify({ wait: "primary", logging: { level: "error" }, services })),
    );
    const port = freePort();
    const child = stack.use(startCli(["-c", file.path, "--port", `${port}`, "--host", "127.0.0.1"]));
    await untilListening(port, child.exited);
    const descriptors = countDescriptors(child.pid);
    const round = async (count: number) => {
      for (const role of ["shadow", "secondary"]) {
        for (const index of TROUBLES.keys()) await send(`http://127.0.0.1:${port}/${role}/${index}`, count);
      }
    };
    const residentMib = () =>
      Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1]) / 1_024;
    // V8's heap grows to its size under this load, and keeps it.
    await round(2 * REQUESTS);
    const beforeMib = residentMib();
    await round(REQUESTS);
    // Pools keep one connection per concurrent request, to clients and to the primary. Hundreds of others must be
    // closed.
    await untilDescriptors(child.pid, descriptors + 3 * CLIENTS);
    assertLess(residentMib(), beforeMib + 64);
  },
});
