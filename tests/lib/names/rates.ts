/** Rates of wrong decisions on names: lists of names from public documentation, and the decisions on them. */

import { isSecretName, isSecretParameter } from "../../../src/lib/secret_names.ts";

/** Decisions on one list. */
export interface NameRate {
  /** Number of different names. */
  readonly names: number;
  /** Names with a wrong decision. */
  readonly wrong: readonly string[];
}

/** Rates on all lists. */
export interface NameRates {
  /** Harmless names that count as secret. */
  readonly falsePositives: NameRate;
  /** Secret names that do not. */
  readonly misses: NameRate;
  /** The same rates on names that were collected after the last change of the rule. */
  readonly unseen: { readonly falsePositives: NameRate; readonly misses: NameRate };
}

/** Heading of the names that are decided as parameters of a URL. */
const PARAMETERS = "Parameters";

/** Reads the lists, and decides on all names. */
export function nameRates(): NameRates {
  return {
    falsePositives: rateOf("public.txt", true),
    misses: rateOf("secret.txt", false),
    unseen: { falsePositives: rateOf("public_unseen.txt", true), misses: rateOf("secret_unseen.txt", false) },
  };
}

/** Returns the names of a file that are decided as `decision`. A name counts once. */
function rateOf(file: string, decision: boolean): NameRate {
  const [, ...sections] = Deno.readTextFileSync(new URL(file, import.meta.url)).split(/^## /m);
  const decisions = new Map<string, boolean>();
  for (const section of sections) {
    const decide = section.startsWith(PARAMETERS) ? isSecretParameter : isSecretName;
    for (const name of section.slice(section.indexOf("\n")).trim().split(/\s+/)) {
      if (!decisions.has(name)) decisions.set(name, decide(name));
    }
  }
  const wrong = [...decisions].filter(([, decided]) => decided === decision).map(([name]) => name);
  return { names: decisions.size, wrong };
}
