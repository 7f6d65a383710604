/**
 * Prints how many times as much reading each hostile configuration costs as reading an honest one of the same length, as
 * JSON: `[name, ratio]`. Run as a process of its own, since counting coverage costs several times what is counted.
 */

import { costMs, costRatio } from "./cost.ts";
import { loadHostile } from "./hostile_load.ts";
import { ACCEPTED, HONEST, REFUSED } from "./hostile_configs.ts";

/** One look tells most of them apart; what seems dear is looked at again, beside the honest one. */
const SEEMS_DEAR = 2;

const read = (text: string) => () => loadHostile(text).catch(() => {});
const honestMs = Math.min(await costMs(read(HONEST)), await costMs(read(HONEST)), await costMs(read(HONEST)));
const ratios: (readonly [name: string, ratio: number])[] = [];
for (const [name, text] of [...REFUSED, ...ACCEPTED]) {
  const ratio = await costMs(read(text)) / honestMs;
  ratios.push([name, ratio < SEEMS_DEAR ? ratio : await costRatio(read(text), read(HONEST), 3)]);
}
console.log(JSON.stringify(ratios));
