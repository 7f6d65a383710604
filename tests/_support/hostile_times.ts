/**
 * Prints what reading each hostile configuration costs, as JSON: `[name, milliseconds]`. Run as a process of its own,
 * since counting coverage costs several times what is counted.
 */

import { loadHostile } from "./hostile_load.ts";
import { ACCEPTED, REFUSED } from "./hostile_configs.ts";
import { costMs } from "./cost.ts";

const times: (readonly [name: string, ms: number])[] = [];
for (const [name, text] of [...REFUSED, ...ACCEPTED]) {
  times.push([name, await costMs(() => loadHostile(text).catch(() => {}))]);
}
console.log(JSON.stringify(times));
