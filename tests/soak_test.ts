/**
 * Many mixed requests, half of them with faults, through one process. Afterwards its descriptors and memory have
 * returned to their initial level, and nothing is in flight. `deno task soak` sends ten times as many.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { startCli, tempConfig } from "./_support/cli_process.ts";
import { refusingUrl, startBackend } from "./_support/servers.ts";
import { startSocketBackend } from "./_support/socket_backend.ts";

const REQUESTS = Number(Deno.env.get("SOAK_REQUESTS") ?? 2_000);
/** V8's heap grows to some 160 MiB under this load and stays there. Further growth is a leak. */
const WARM_UP = 4_000;
const AT_ONCE = 20;
const LARGE_BYTES = 200_000;
const hasProc = await Deno.stat("/proc/self/fd").then(() => true, () => false);

/** Actions of a client, and their correct outcomes: statuses, or `cut` for a truncated response. */
const KINDS: readonly (readonly [path: string, init: RequestInit, outcomes: readonly (number | "cut")[]])[] = [
  ["/ok/get", {}, [200]],
  ["/ok/small", { method: "POST", body: "x".repeat(1_000) }, [200]],
  ["/ok/large", { method: "PUT", body: "x".repeat(LARGE_BYTES) }, [200]],
  ["/refuse", {}, [200]],
  ["/reset", {}, [200]],
  ["/hang", {}, [200]],
  ["/late", {}, [200]],
  ["/half", {}, ["cut"]],
  ["/down", { method: "DELETE" }, [502]],
  ["/none", {}, [404]],
];

async function outcomeOf(url: string, init: RequestInit): Promise<number | "cut"> {
  try {
    const response = await fetch(url, init);
    await response.bytes();
    return response.status;
  } catch {
    return "cut";
  }
}

/** Disconnects before the response. */
async function goAway(url: string): Promise<void> {
  const controller = new AbortController();
  const outcome = outcomeOf(url, { signal: controller.signal });
  await delay(5);
  controller.abort();
  await outcome;
}

async function send(url: string, count: number): Promise<void> {
  let sent = 0;
  const client = async () => {
    for (let turn = sent++; turn < count; turn = sent++) {
      if (turn % (KINDS.length + 1) === KINDS.length) {
        await goAway(`${url}/hang`);
        continue;
      }
      const [path, init, outcomes] = KINDS[turn % (KINDS.length + 1)]!;
      const outcome = await outcomeOf(url + path, init);
      assert(outcomes.includes(outcome), `${path} gave ${outcome}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

/** Measures the idle process. Descriptors are counted until their number is constant for a second. */
async function atRest(pid: number): Promise<{ descriptors: number; residentMiB: number }> {
  let descriptors = -1;
  for (let still = 0; still < 5; still++) {
    const count = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    if (count !== descriptors) still = 0;
    descriptors = count;
    await delay(200);
  }
  const [, residentKiB] = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return { descriptors, residentMiB: Number(residentKiB) / 1024 };
}

Deno.test({
  name: `after ${REQUESTS} mixed requests with faults, descriptors and memory return to their initial level`,
  ignore: !hasProc, // Only /proc has descriptors and memory of another process.
  async fn() {
    await using healthy = startBackend((_, body) => new Response(`got ${body.length}`));
    await using hanging = await startSocketBackend((_, { gone }) => gone);
    await using resetting = await startSocketBackend((_, { reset }) => reset());
    await using breaking = await startSocketBackend(async (_, { write, close }) => {
      await write(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGE_BYTES}\r\n\r\n${"x".repeat(LARGE_BYTES / 2)}`);
      close();
    });
    const refusing = refusingUrl();
    const service = (path: string, name: string, url: string, more = "") =>
      `  - { name: ${path}-${name}, url: "${url}", pathPrefix: /${path}${more} }\n`;
    const pair = (path: string, url: string) =>
      service(path, "primary", url, ", primary: true, timeout: 50ms") + service(path, "backup", healthy.url);
    await using file = await tempConfig(
      "wait: primary\nservices:\n" +
        service("ok", "a", healthy.url, ", primary: true") + service("ok", "b", healthy.url) +
        service("ok", "slow-shadow", hanging.url, ", shadow: true, timeout: 50ms") +
        service("ok", "broken-shadow", resetting.url, ", shadow: true") +
        pair("refuse", refusing) + pair("reset", resetting.url) + pair("hang", hanging.url) +
        service("late", "a", hanging.url, ", primary: true, timeout: 50ms") +
        service("late", "b", healthy.url, ", primary: true, hedge: { after: 5ms, maxExtra: 100% }") +
        service("half", "a", breaking.url) + service("down", "a", refusing) + service("down", "b", resetting.url),
    );
    await using child = startCli(["-c", file.path, "--port", "0", "--host", "127.0.0.1"]);
    const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);

    await send(url, WARM_UP);
    const before = await atRest(child.pid);
    await send(url, REQUESTS);
    let after = await atRest(child.pid);
    // The number of busy connections varies. Idle ones are closed after a minute.
    const deadlineMs = performance.now() + 90_000;
    while (after.descriptors >= before.descriptors + AT_ONCE && performance.now() < deadlineMs) {
      after = await atRest(child.pid);
    }
    assertLess(after.descriptors, before.descriptors + AT_ONCE);
    assertLess(after.residentMiB, before.residentMiB + 48);

    child.kill("SIGTERM");
    assertEquals(await child.exited, 0);
    assert(child.stdout.text.includes('"message":"stopped"'), "something was still in flight");
  },
});
