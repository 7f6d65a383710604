import { assertEquals } from "@std/assert";
import type { Role, Service } from "../../src/config/config.ts";
import type { AttemptView, Outcome } from "../../src/upstream/attempt.ts";
import { isSuccess } from "../../src/upstream/attempt.ts";
import { selectAttempt, type SelectOptions } from "../../src/proxy/select.ts";

const PENDING = undefined;
const OK: Outcome = { ok: true, success: true, response: { status: 200, headers: [], body: null } };
const BAD: Outcome = { ok: true, success: false, response: { status: 500, headers: [], body: null } };
const DOWN: Outcome = { ok: false, kind: "refused" };

/** `[name, outcome, settledOrder]`. The first letter of the name is the role: p(rimary), s(econdary) or x (shadow). */
type Row = readonly [name: string, outcome: Outcome | undefined, settledOrder?: number];

const ROLES: Record<string, Role> = { p: "primary", s: "secondary", x: "shadow" };

function attempt([name, outcome, settledOrder = outcome === PENDING ? 0 : 1]: Row): AttemptView {
  const service = { name } as Service;
  return { service, role: ROLES[name[0]!]!, outcome, settledOrder };
}

/**
 * Returns the name of the selected service, `none` if every attempt failed, or `wait` if the selection is not decided.
 */
function selected(rows: readonly Row[], options: Partial<SelectOptions> = {}): string {
  const selection = selectAttempt(rows.map(attempt), { wait: "all", relayFailures: false, ...options });
  if (selection === undefined) return "wait";
  return selection === "none" ? "none" : selection.service.name;
}

// Columns: the attempts; the selection with `wait: all`; the selection with `wait: primary`.
const TABLE: readonly (readonly [rows: readonly Row[], all: string, primary: string])[] = [
  [[["p", PENDING]], "wait", "wait"],
  [[["p", OK]], "p", "p"],
  [[["p", OK], ["s", PENDING]], "wait", "p"],
  [[["p", PENDING], ["s", OK]], "wait", "wait"],
  [[["p", OK, 2], ["s", OK, 1]], "p", "p"],
  [[["p", BAD], ["s", PENDING]], "wait", "wait"],
  [[["p", DOWN], ["s", PENDING], ["s2", OK]], "wait", "s2"],
  [[["p", BAD, 1], ["s", OK, 2]], "s", "s"],
  [[["p", DOWN, 1], ["s", OK, 3], ["s2", OK, 2]], "s2", "s2"],
  [[["p", DOWN], ["s", BAD], ["s2", PENDING]], "wait", "wait"],
  [[["p", DOWN], ["s", BAD]], "none", "none"],
  [[["p", BAD], ["s", DOWN]], "none", "none"],
  [[["p", OK, 2], ["p2", OK, 1]], "p2", "p2"],
  [[["p", OK], ["p2", PENDING]], "wait", "p"],
  [[["p", DOWN], ["p2", PENDING], ["s", OK]], "wait", "wait"],
  [[["p", BAD], ["p2", OK], ["s", PENDING]], "wait", "p2"],
  [[["p", BAD, 1], ["p2", DOWN, 2], ["s", OK, 3]], "s", "s"],
  [[["p", OK], ["x", PENDING]], "p", "p"],
  [[["p", DOWN], ["x", OK]], "none", "none"],
  [[["p", BAD], ["x", OK]], "p", "p"],
  [[["p", DOWN], ["s", DOWN], ["x", OK]], "none", "none"],
];

for (const [rows, all, primary] of TABLE) {
  const label = rows.map(([name, outcome]) => `${name}:${describe(outcome)}`).join(" ");
  Deno.test(`selectAttempt() returns ${all} (all), ${primary} (primary) for ${label}`, () => {
    assertEquals(selected(rows, { wait: "all" }), all);
    assertEquals(selected(rows, { wait: "primary" }), primary);
  });
}

function describe(outcome: Outcome | undefined): string {
  if (outcome === PENDING) return "pending";
  return outcome.ok ? String(outcome.response.status) : outcome.kind;
}

Deno.test("selectAttempt() with relayFailures selects a failing primary, otherwise another failing response", () => {
  const relayFailures = true;
  assertEquals(selected([["p", BAD, 2], ["s", BAD, 1]], { relayFailures }), "p");
  assertEquals(selected([["p", DOWN], ["s", BAD]], { relayFailures }), "s");
  assertEquals(selected([["p", DOWN], ["s", DOWN]], { relayFailures }), "none");
  assertEquals(selected([["p", BAD], ["s", OK, 2]], { relayFailures }), "s");
  assertEquals(selected([["p", BAD], ["s", PENDING]], { relayFailures, wait: "primary" }), "wait");
});

Deno.test("isSuccess() is true for every status outside failOn", () => {
  const failOn = [{ from: 500, to: 599 }, { from: 429, to: 429 }];
  const results = [200, 304, 404, 428, 429, 430, 499, 500, 503, 599].map((status) => isSuccess(status, failOn));
  assertEquals(results, [true, true, true, true, false, true, true, false, false, false]);
  assertEquals(isSuccess(500, []), true);
});
