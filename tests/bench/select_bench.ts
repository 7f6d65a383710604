/** Cost of a selection, which runs after each attempt that settles. */

import type { Role, Service } from "../../src/config/config.ts";
import type { AttemptView, Outcome } from "../../src/upstream/attempt.ts";
import { selectAttempt } from "../../src/proxy/select.ts";

const OK: Outcome = { ok: true, success: true, response: { status: 200, headers: [], body: null } };
const DOWN: Outcome = { ok: false, kind: "refused" };

function attempt(role: Role, outcome: Outcome | undefined, settledOrder: number): AttemptView {
  return { service: { name: role } as Service, role, outcome, settledOrder };
}

const primary = attempt("primary", OK, 2);
const secondary = attempt("secondary", OK, 1);
const failed = attempt("primary", DOWN, 2);
const pending = attempt("secondary", undefined, 0);

const CASES: readonly (readonly [title: string, attempts: readonly AttemptView[]])[] = [
  ["the primary of 2", [primary, secondary]],
  ["nothing yet of 2", [primary, pending]],
  ["the fallback of 2", [failed, secondary]],
  ["the primary of 16", [primary, ...Array.from({ length: 15 }, () => secondary)]],
];

for (const [title, attempts] of CASES) {
  Deno.bench(`selectAttempt() finds ${title}`, { group: "select" }, () => {
    selectAttempt(attempts, { wait: "all", relayFailures: false });
  });
}
