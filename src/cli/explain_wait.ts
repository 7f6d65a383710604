/** Sentences about the services that a request waits for, and the response that the client gets. */

import type { Config, Role, Route } from "../config/config.ts";
import { SAFE_METHODS } from "../config/schema/http.ts";
import { printable } from "../lib/printable.ts";
import { type HedgePlan, hedgePlans } from "../policy/hedge_policies.ts";
import { formatHedgeDelay, joinNames } from "./explain_format.ts";

/** Returns sentences about the wait, the hedges, the selected response and the shadows of a route. */
export function explainWait(
  route: Route,
  config: Pick<Config, "wait" | "relayFailures">,
  method: string,
): string[] {
  const sentAtOnce = route.members.filter(({ service }) => service.hedge === undefined);
  const names = (role: Role, members = route.members) => {
    return members.filter((member) => member.role === role).map(({ service }) => printable(service.name));
  };
  const [primaries, secondaries, shadows] = [names("primary"), names("secondary"), names("shadow")];
  const sentences = [
    describeWait(names("primary", sentAtOnce), names("secondary", sentAtOnce), config.wait),
    ...hedgePlans(route.members).map((plan) => describeHedge(plan, route, method)),
    describeSelection(primaries, secondaries, config.relayFailures),
  ];
  if (shadows.length > 0) {
    sentences.push(`Mirrors the request to ${joinNames(shadows)}, without waiting for a response.`);
  }
  return sentences;
}

function describeWait(primaries: readonly string[], secondaries: readonly string[], wait: Config["wait"]): string {
  if (wait === "all" || secondaries.length === 0 || primaries.length === 0) {
    return `Waits for ${joinNames([...primaries, ...secondaries])}.`;
  }
  return `Waits for ${joinNames(primaries)}, and for ${joinNames(secondaries)} only if ${
    primaries.length === 1 ? "it fails" : "they fail"
  }.`;
}

function describeHedge({ member, settings, peers }: HedgePlan, { members }: Route, method: string): string {
  const name = printable(member.service.name);
  const before = members.filter(({ service }) => peers.has(service)).map(({ service }) => printable(service.name));
  const isOne = before.length === 1;
  if (!settings.unsafe && !SAFE_METHODS.includes(method)) {
    return `Sends the request to ${name} only if ${joinNames(before)} cannot be reached: ${
      printable(method)
    } is not hedged.`;
  }
  const isLate = `${isOne ? "has" : "have"} not responded within ${formatHedgeDelay(settings)}`;
  const hasFailed = isOne ? "has failed" : "all of them have failed";
  return `Sends the request to ${name} if ${joinNames(before)} ${isLate}, or ${hasFailed}.`;
}

function describeSelection(
  primaries: readonly string[],
  secondaries: readonly string[],
  relayFailures: boolean,
): string {
  if (primaries.length + secondaries.length === 1) {
    return `Returns the response of ${joinNames(primaries)}, even if it is a failure.`;
  }
  const choices = [primaries, secondaries].filter((names) => names.length > 0).map((names) => {
    return names.length === 1 ? `the success of ${names[0]}` : `the first success of ${joinNames(names)}`;
  });
  return `Returns ${choices.join(", otherwise ")}, otherwise ${relayFailures ? "one of the failed responses" : "502"}.`;
}
