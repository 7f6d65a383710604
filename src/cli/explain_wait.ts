/** A route's rules in words: what is waited for, and who answers. */

import type { Config, Role, Route } from "../config/config.ts";
import { hedgePlans } from "../policy/hedge_policies.ts";
import { printable } from "../lib/printable.ts";
import { describeHedge } from "./explain_hedge.ts";

/**
 * Says in words what a route waits for, who is asked later, whose response is returned, and who gets a copy only.
 *
 * @param route The route.
 * @param config What is waited for, and what happens where all fail.
 * @param method The request's method.
 * @returns A few sentences.
 */
export function describeWaiting(
  route: Route,
  config: Pick<Config, "wait" | "relayFailures">,
  method: string,
): string[] {
  const atOnce = route.members.filter(({ service }) => service.hedge === undefined);
  const names = (role: Role, members = route.members) => {
    return members.filter((member) => member.role === role).map(({ service }) => printable(service.name));
  };
  const [primaries, secondaries, shadows] = [names("primary"), names("secondary"), names("shadow")];
  const sentences = [
    waits(names("primary", atOnce), names("secondary", atOnce), config.wait),
    ...hedgePlans(route.members).map((plan) => describeHedge(plan, route, method)),
    answers(primaries, secondaries, config.relayFailures),
  ];
  if (shadows.length > 0) sentences.push(`Copies to ${all(shadows)}, and never waits for that.`);
  return sentences;
}

function waits(primaries: readonly string[], secondaries: readonly string[], wait: Config["wait"]): string {
  if (wait === "all" || secondaries.length === 0 || primaries.length === 0) {
    return `Waits for ${all([...primaries, ...secondaries])}.`;
  }
  return `Waits for ${all(primaries)}; for ${all(secondaries)} only where ${
    primaries.length === 1 ? "it fails" : "they fail"
  }.`;
}

function answers(primaries: readonly string[], secondaries: readonly string[], relayFailures: boolean): string {
  if (primaries.length + secondaries.length === 1) return `Answers with what ${all(primaries)} says, whatever it is.`;
  const choices = [primaries, secondaries].filter((names) => names.length > 0).map((names) => {
    return names.length === 1 ? `the success of ${names[0]}` : `the first success of ${all(names)}`;
  });
  return `Answers with ${choices.join(", else ")}, else ${relayFailures ? "a failing response of theirs" : "502"}.`;
}

function all(words: readonly string[]): string {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(words);
}
