/**
 * Reads each hostile configuration, and prints one line of JSON for each: its name, the message of the refusal or
 * `null`, and the cost relative to an ordinary configuration of the same length. Runs as a separate process because
 * coverage counting multiplies the cost.
 */

import { ConfigError } from "../../src/config/read/config_error.ts";
import { costMs, costRatio } from "./cost.ts";
import { ACCEPTED, loadHostile, ORDINARY, REFUSED } from "./hostile_configs.ts";

/** Above this ratio, the measurement is repeated side by side with the ordinary configuration. */
const SUSPICIOUS_RATIO = 2;

/** Reads a configuration. Returns the message of the refusal, or `null`. */
async function read(text: string): Promise<string | null> {
  try {
    await loadHostile(text);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const readOrdinary = () => read(ORDINARY);
const ordinaryMs = Math.min(await costMs(readOrdinary), await costMs(readOrdinary), await costMs(readOrdinary));
for (const [name, text] of [...REFUSED, ...ACCEPTED]) {
  let refusal: string | null = null;
  const readText = async () => void (refusal = await read(text));
  const ratio = await costMs(readText) / ordinaryMs;
  const checked = ratio < SUSPICIOUS_RATIO ? ratio : await costRatio(readText, readOrdinary, 3);
  console.log(JSON.stringify([name, refusal, checked]));
}
