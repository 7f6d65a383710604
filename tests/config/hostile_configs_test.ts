import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { ACCEPTED, REFUSED } from "../_support/hostile_configs.ts";

/**
 * Maximum cost relative to an ordinary file of the same length, on any machine and under load. The most expensive file
 * costs twice as much. Quadratic parsing would cost dozens of times as much.
 */
const MAX_RATIO = 3;

/** Result of reading one file: the message of its refusal, and its relative cost. */
type Reading = readonly [name: string, refusal: string | null, ratio: number];

let readings: ReadonlyMap<string, Reading>;

Deno.test.beforeAll(async () => {
  const { DENO_COVERAGE_DIR: _, ...env } = Deno.env.toObject();
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-read",
      "--config",
      fromHere("../../deno.json"),
      fromHere("../_support/hostile_times.ts"),
    ],
    clearEnv: true,
    env,
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  readings = new Map(lines.map((line): [string, Reading] => {
    const reading: Reading = JSON.parse(line);
    return [reading[0], reading];
  }));
});

function readingOf(name: string): Reading {
  const reading = readings.get(name);
  assert(reading !== undefined, "the process ended at an earlier file");
  return reading;
}

for (const [name] of REFUSED) {
  Deno.test(`readConfig() rejects a hostile file soon and with a clear error: ${name}`, () => {
    const [, refusal, ratio] = readingOf(name);
    assert(refusal !== null && refusal.length < 20_000 && !/[^\n\x20-\x7e…ä]/.test(refusal), String(refusal));
    assertLessOrEqual(ratio, MAX_RATIO);
  });
}

for (const [name] of ACCEPTED) {
  Deno.test(`readConfig() reads an unusual file soon: ${name}`, () => {
    const [, refusal, ratio] = readingOf(name);
    assertEquals(refusal, null);
    assertLessOrEqual(ratio, MAX_RATIO);
  });
}

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
