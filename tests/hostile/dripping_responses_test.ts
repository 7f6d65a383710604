/** Services whose responses arrive in tiny chunks. */

import { assertEquals, assertLess } from "@std/assert";
import { ATTACK_MS, type AttackReport, attackTest, underAttack } from "../_support/attack.ts";
import { type FloodOptions, startFlood } from "../_support/flood_backend.ts";
import { readRaw } from "../_support/raw_response.ts";
import { startBackend } from "../_support/servers.ts";

/** A dripping response, the clients that request it, and the configuration. */
interface Scene {
  readonly flood: FloodOptions;
  /** Role of the dripping service. */
  readonly role: "primary" | "shadow";
  readonly clients: number;
  readonly config?: object;
}

const TINY_CHUNK = "1\r\nx\r\n";
const LONG_EXTENSION = `1;${"e".repeat(4_000)}\r\nx\r\n`;

async function attack({ flood: options, role, clients, config }: Scene): Promise<AttackReport> {
  await using calm = startBackend(() => new Response("ok"));
  await using other = startBackend(() => new Response("ok"));
  await using flood = await startFlood(options);
  const isPrimary = role === "primary";
  const services = [
    { name: "calm", url: calm.url, path: "/calm" },
    { name: "flood", url: flood.url, path: "/drip", [role]: true },
    { name: "other", url: other.url, path: "/drip", ...(isPrimary ? { shadow: true } : { primary: true }) },
  ];
  const report = await underAttack(
    async ({ url }, signal) => void await Promise.all(Array.from({ length: clients }, () => readOn(url, signal))),
    { services, ...(config !== undefined && { config }) },
  );
  assertEquals(report.failures, 0);
  return report;
}

/** Asserts relative limits, because a busy machine slows down the calm client as well. */
function assertServed({ calm, attacked }: AttackReport): void {
  assertLess(attacked.p50Ms, 500 + 40 * calm.p50Ms);
  assertLess(attacked.maxMs, ATTACK_MS + 40 * calm.p50Ms);
}

/** Requests the dripping response repeatedly, and reads it. */
async function readOn(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await readRaw(url, "/drip", signal);
}

attackTest({
  name: "captured responses that drip byte by byte stay within `compare.maxMemory`",
  async fn() {
    const report = await attack({
      flood: { chunk: TINY_CHUNK, isDripping: true },
      role: "shadow",
      clients: 64,
      config: { compare: { noise: "off", maxMemory: "64MiB" } },
    });
    // The limit, plus the memory of 64 exchanges.
    assertLess(report.growthMiB, 64 + 48);
    assertServed(report);
  },
});

attackTest({
  name: "a relayed response in one-byte chunks neither fills memory nor starves other clients",
  async fn() {
    const report = await attack({ flood: { chunk: TINY_CHUNK }, role: "primary", clients: 4 });
    assertLess(report.growthMiB, 100);
    assertServed(report);
  },
});

attackTest({
  name: "a discarded response that consists mostly of framing does not starve other clients",
  async fn() {
    const report = await attack({ flood: { chunk: LONG_EXTENSION }, role: "shadow", clients: 100 });
    assertLess(report.growthMiB, 100);
    assertServed(report);
  },
});
