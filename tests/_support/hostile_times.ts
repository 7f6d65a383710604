/**
 * Prints the cost of reading each hostile configuration, relative to an ordinary one of the same length, as JSON:
 * `[name, ratio]`. Runs as a separate process because coverage counting multiplies the cost.
 */

import { costMs, costRatio } from "./cost.ts";
import { ACCEPTED, loadHostile, ORDINARY, REFUSED } from "./hostile_configs.ts";

/** Above this ratio, the measurement is repeated side by side with the ordinary configuration. */
const SUSPICIOUS_RATIO = 2;

const read = (text: string) => () => loadHostile(text).catch(() => {});
const ordinaryMs = Math.min(await costMs(read(ORDINARY)), await costMs(read(ORDINARY)), await costMs(read(ORDINARY)));
const ratios: (readonly [name: string, ratio: number])[] = [];
for (const [name, text] of [...REFUSED, ...ACCEPTED]) {
  const ratio = await costMs(read(text)) / ordinaryMs;
  ratios.push([name, ratio < SUSPICIOUS_RATIO ? ratio : await costRatio(read(text), read(ORDINARY), 3)]);
}
console.log(JSON.stringify(ratios));
