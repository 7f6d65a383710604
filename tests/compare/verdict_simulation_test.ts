/** A short form of `deno task verdicts`. */

import { assert, assertEquals } from "@std/assert";
import {
  CLASSES,
  FAILING_BY_CHANCE,
  pairsFor,
  simulateVerdicts,
  UNCHANGED,
  type VerdictScenario,
} from "../_support/verdict_simulation.ts";

for (const [index, regression] of CLASSES.entries()) {
  Deno.test(`no verdict is ready with a regression: ${regression.name}`, () => {
    const runs: readonly (readonly [rate: number, runs: number])[] = [[0.01, 100], [1, 10]];
    for (const [rate, count] of runs) {
      if (regression.isCommon && rate < 1) continue;
      const { ready } = simulateVerdicts({
        regression,
        rate,
        pairs: pairsFor(regression),
        runs: count,
        seed: 70 + index,
      });
      assertEquals(ready, 0, `at ${rate}`);
    }
  });
}

for (const regression of [UNCHANGED, FAILING_BY_CHANCE]) {
  Deno.test(`few verdicts are not ready without a regression: ${regression.name}`, () => {
    const scenario: VerdictScenario = {
      regression,
      rate: 0,
      pairs: pairsFor(regression),
      runs: 100,
      seed: 3,
      hasLatencies: true,
    };
    const { "not-ready": notReady, ready } = simulateVerdicts(scenario);
    assert(notReady <= 0.02 * scenario.runs && ready >= 0.5 * scenario.runs, `${notReady} ${ready}`);
  });
}
