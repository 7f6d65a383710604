/** Sentences about the comparison of responses. */

import { isReplayable } from "../compare/comparison_plan.ts";
import type { Config, Member, Route } from "../config/config.ts";
import { printable } from "../lib/printable.ts";
import { formatRatio, joinNames } from "./explain_format.ts";

/** Returns sentences about the comparison of one request. `route` has only the services that may get the request. */
export function explainComparison(
  route: Route,
  { compare }: Pick<Config, "compare">,
  request: { readonly method: string; readonly path: string },
): string[] {
  const primary = route.members.find(({ role }) => role === "primary")?.service;
  const compared = comparedMembers(route);
  if (compare === undefined || primary === undefined || compared.length === 0) return [];
  const name = printable(primary.name);
  const [controls, others] = [compared.filter(isControl), compared.filter((member) => !isControl(member))];
  const sentences: string[] = [];
  if (others.length > 0) {
    sentences.push(`Compares the responses of ${joinNames(others.map(nameWithRatio))} with those of ${name}.`);
  }
  if (controls.length > 0) {
    sentences.push(`Compares ${name} with ${joinNames(controls.map(nameWithRatio))} as well, to detect noise.`);
  }
  const isReplayed = compare.replaySample > 0 && isReplayable(compare, request);
  if (isReplayed) {
    sentences.push(`Sends ${formatRatio(compare.replaySample)} to ${name} again, to detect noise.`);
  } else if (controls.length === 0) {
    const reason = compare.replaySample > 0 ? `${printable(request.method)} is not sent again` : "`noise` is off";
    sentences.push(`Cannot detect noise: ${reason}.`);
  }
  return sentences;
}

/** Returns notes about the comparisons of a configuration. Returns none if nothing is compared. */
export function summarizeComparison(
  { routes, compare, admin }: Pick<Config, "routes" | "compare" | "admin">,
): string[] {
  const compared = routes.flatMap(comparedMembers);
  if (compare === undefined || compared.length === 0) return [];
  const names = [...new Set(compared.filter((member) => !isControl(member)).map(nameWithRatio))];
  const notes = [`compared with the primary: ${names.length === 0 ? "only controls" : joinNames(names)}`];
  if (compare.replaySample > 0) {
    const further = compare.replayable.map(({ method, path }) => printable(`${method} ${path}`));
    notes.push(
      `sent to the primary again, to detect noise: ${formatRatio(compare.replaySample)} that are compared, ` +
        `${joinNames(["GET", "HEAD", ...further])} only`,
    );
  } else if (!compared.some(isControl)) {
    notes.push("noise cannot be detected: `noise` is off, and no service is a control");
  }
  if (admin === undefined) {
    notes.push("no report: it needs an admin listener; without one, mismatches are only logged");
  }
  return notes;
}

function comparedMembers({ members }: Route): readonly Member[] {
  if (!members.some(({ role }) => role === "primary")) return [];
  return members.filter(({ role, service }) => role !== "primary" && service.compare !== undefined);
}

function isControl({ service }: Member): boolean {
  return service.control;
}

function nameWithRatio({ service }: Member): string {
  const ratio = service.compare?.sample ?? 1;
  return ratio === 1 ? printable(service.name) : `${printable(service.name)} (${formatRatio(ratio)})`;
}
