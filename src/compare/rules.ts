/** Compiled comparison rules of one service. */

import { type BodyPath, matchesName, matchesSteps, type PathStep, type Segment } from "../config/body_path.ts";
import type { CompareSettings, NormaliseRule, StatusRange, ToleranceRule, UnorderedArray } from "../config/config.ts";
import { withoutSegmentNames } from "../config/schema/comparison.ts";
import { KnownSecrets } from "../lib/known_secrets.ts";
import { LinearRegExp } from "../lib/linear_regexp/linear_regexp.ts";
import type { Replacement } from "../lib/linear_regexp/replacement.ts";
import { StepBudget } from "../lib/step_budget.ts";
import { canonicalInstant, canonicalNumbers, haveNearNumbers } from "./equivalent_texts.ts";
import { type HashKey, Redactor } from "./redactor.ts";
import { ShownSegments } from "./shown_segments.ts";

/** Result of the negotiation of a WebSocket (RFC 6455 §4.2.2). */
const HANDSHAKE_HEADERS = ["upgrade", "sec-websocket-protocol", "sec-websocket-extensions"];

interface Normaliser {
  readonly pattern: LinearRegExp;
  readonly replacement: Replacement;
  readonly path: BodyPath | undefined;
}

interface UnorderedSteps {
  readonly steps: readonly PathStep[];
  readonly identity: UnorderedArray["identity"];
}

/** Options of {@linkcode CompareRules}. */
export interface CompareRulesOptions {
  /** Key of the hashes in samples. Default: random. */
  readonly key?: HashKey;
  /** Secrets of the configuration. Default: none. */
  readonly known?: KnownSecrets;
  /** Endpoint whose own rules apply as well. Default: none. */
  readonly endpoint?: string;
}

/** Rules that decide which differences between two responses count, and what samples show. */
export class CompareRules {
  /** Names of the header fields that are compared, in lower case. */
  readonly headers: readonly string[];
  /** True if bodies are not compared. */
  readonly ignoresBody: boolean;
  /** Names of the header fields to compare in the handshakes of WebSockets, in lower case. */
  readonly handshakeHeaders: readonly string[];
  /** Hides secrets in samples. */
  readonly redactor: Redactor;
  /** True if differences have samples of the values. */
  readonly hasSamples: boolean;
  /** True if texts are normalised before they are compared. */
  readonly normalises: boolean;
  /** Number of rules that may be matched against a path. */
  readonly pathRuleCount: number;
  /** Segments of paths without secrets. */
  readonly shownSegments: ShownSegments = new ShownSegments();
  /** Rules of the endpoints that have rules of their own. */
  readonly #byEndpoint: ReadonlyMap<string, CompareRules>;
  readonly #ignore: readonly BodyPath[];
  readonly #ignoredSteps: readonly (readonly PathStep[])[];
  readonly #normalisers: readonly Normaliser[];
  readonly #unordered: "all" | readonly UnorderedSteps[];
  readonly #tolerance: readonly ToleranceRule[];
  readonly #ignoreCase: readonly BodyPath[];
  readonly #instants: readonly BodyPath[];
  readonly #numericTexts: readonly BodyPath[];
  readonly #nullIsMissing: readonly BodyPath[];
  readonly #equivalentStatuses: CompareSettings["equivalentStatuses"];
  #steps = new StepBudget(0);

  /** Compiles the settings of one service. */
  constructor(settings: CompareSettings, options: CompareRulesOptions = {}) {
    const { key = randomKey(), known = new KnownSecrets([]), endpoint } = options;
    const ignored = settings.ignore
      .filter((rule) => rule.endpoint === undefined || rule.endpoint === endpoint)
      .map(({ path }) => path);
    const endpoints = new Set(settings.ignore.flatMap((rule) => rule.endpoint ?? []));
    this.#byEndpoint = endpoint !== undefined ? new Map() : new Map(
      [...endpoints].map((each) => [each, new CompareRules(settings, { key, known, endpoint: each })]),
    );
    this.#ignore = ignored;
    this.#ignoredSteps = stepsOf(ignored);
    this.#normalisers = settings.normalise.map(toNormaliser);
    this.#unordered = settings.unordered === "all" ? "all" : settings.unordered.flatMap(toUnorderedSteps);
    this.#tolerance = settings.tolerance;
    this.#ignoreCase = settings.ignoreCase;
    this.#instants = settings.instants;
    this.#numericTexts = settings.numericTexts;
    this.#nullIsMissing = settings.nullIsMissing;
    this.#equivalentStatuses = settings.equivalentStatuses;
    this.headers = settings.headers.filter((name) => !this.ignoresField("header", name));
    this.handshakeHeaders = [
      ...this.headers,
      ...HANDSHAKE_HEADERS.filter((name) => !this.ignoresField("header", name)),
    ];
    this.ignoresBody = this.ignores("body");
    const { ignore, normalise, tolerance, unordered, ignoreCase, instants, numericTexts, nullIsMissing } = settings;
    const spellingCount = ignoreCase.length + instants.length + numericTexts.length;
    this.normalises = normalise.length + spellingCount > 0;
    this.pathRuleCount = ignore.length + normalise.length + tolerance.length + spellingCount + nullIsMissing.length +
      (unordered === "all" ? 0 : unordered.length);
    this.redactor = new Redactor(settings.redact, { key, known });
    this.hasSamples = settings.samples !== "none";
  }

  /** Returns the rules for an endpoint, including the rules for this endpoint alone. */
  at(endpoint: string): CompareRules {
    return this.#byEndpoint.size === 0 ? this : this.#byEndpoint.get(withoutSegmentNames(endpoint)) ?? this;
  }

  /**
   * Starts a comparison. Comparisons with the same rules must not overlap. Methods that normalise take their steps from
   * this budget, and throw `StepsExceeded` if it is used up.
   */
  startComparison(steps: StepBudget): void {
    this.#steps = steps;
  }

  /** Reports whether numbers may differ within a tolerance anywhere. */
  get hasTolerance(): boolean {
    return this.#tolerance.length > 0;
  }

  /** Reports whether the order of elements is ignored in any array. */
  get hasUnordered(): boolean {
    return this.#unordered === "all" || this.#unordered.length > 0;
  }

  /** Reports whether any value of JSON documents is ignored. */
  get ignoresJson(): boolean {
    return this.#ignoredSteps.length > 0;
  }

  /** Reports whether two status codes are equal or equivalent. */
  areEquivalentStatuses(expected: number, actual: number): boolean {
    if (expected === actual) return true;
    const isIn = (group: readonly StatusRange[], status: number) =>
      group.some(({ from, to }) => status >= from && status <= to);
    return this.#equivalentStatuses.some((group) => isIn(group, expected) && isIn(group, actual));
  }

  /** Reports whether null equals absence at a path. */
  isNullMissing(segments: readonly Segment[]): boolean {
    return this.#nullIsMissing.some((path) => coversJson(path, segments));
  }

  /** Reports whether values at a path may be instants. */
  mayBeInstant(segments: readonly Segment[]): boolean {
    return this.#instants.some((path) => coversJson(path, segments));
  }

  /** True if any value may be an instant. */
  get hasInstants(): boolean {
    return this.#instants.length > 0;
  }

  /** Reports whether texts at a path are equal within the tolerance of the numbers in them. */
  areNearTexts(expected: string, actual: string, segments: readonly Segment[]): boolean {
    if (!this.hasTolerance || !this.#numericTexts.some((path) => coversJson(path, segments))) return false;
    return haveNearNumbers(
      expected,
      actual,
      (a, b) => this.isWithinTolerance(Number(a.text), Number(b.text), segments),
    );
  }

  /** Reports whether lines of a text are equal within the tolerance of the numbers in them. */
  areNearLines(expected: string, actual: string): boolean {
    return this.areNearTexts(expected, actual, []);
  }

  /** Reports whether bodies may match although their bytes differ. Rules for text, JSON and forms count. */
  get mayHideBytes(): boolean {
    return this.ignoresJson || this.hasTolerance || this.hasUnordered || this.normalises ||
      this.#nullIsMissing.length > 0 ||
      this.#ignore.some((path) => path.kind === "form");
  }

  /** Reports whether a part of the response is ignored. */
  ignores(kind: "status" | "outcome" | "body" | "closeCode"): boolean {
    return this.#ignore.some((path) => path.kind === kind);
  }

  /** Reports whether a header field or a form field is ignored. Names of header fields are in lower case. */
  ignoresField(kind: "header" | "form", name: string): boolean {
    return this.#ignore.some((path) => path.kind === kind && matchesName(path.name, name));
  }

  /** Reports whether a value in a JSON document, or a value that contains it, is ignored. */
  ignoresValue(segments: readonly Segment[]): boolean {
    return this.#ignoredSteps.some((steps) => matchesSteps(steps, segments, { orInside: true }));
  }

  /** Reports whether the order of an array's elements is ignored. */
  isUnordered(segments: readonly Segment[]): boolean {
    return this.#unordered === "all" || this.#unorderedAt(segments) !== undefined;
  }

  /** Returns the members that identify the elements of an unordered array; `undefined` if they are not configured. */
  identityOf(segments: readonly Segment[]): UnorderedArray["identity"] {
    return this.#unordered === "all" ? undefined : this.#unorderedAt(segments)?.identity;
  }

  #unorderedAt(segments: readonly Segment[]): UnorderedSteps | undefined {
    if (this.#unordered === "all") return undefined;
    return this.#unordered.find(({ steps }) => matchesSteps(steps, segments, { orInside: false }));
  }

  /** Reports whether two numbers at a path are equal within the tolerance there. */
  isWithinTolerance(expected: number, actual: number, segments: readonly Segment[]): boolean {
    const rule = this.#tolerance.find(({ path }) =>
      path === undefined || (path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }))
    );
    if (rule === undefined) return expected === actual;
    const distance = Math.abs(expected - actual);
    const larger = Math.max(Math.abs(expected), Math.abs(actual));
    return expected === actual || distance <= rule.absolute || distance <= rule.relative * larger;
  }

  /** Normalises a string of a JSON document. */
  normaliseValue(text: string, segments: readonly Segment[]): string {
    return this.#normalise(text, (path) => coversJson(path, segments));
  }

  /** Normalises the value of a header field or a form field. Names of header fields are in lower case. */
  normaliseField(text: string, kind: "header" | "form", name: string): string {
    return this.#normalise(
      text,
      (path) => (path.kind === "body" && kind === "form") || (path.kind === kind && matchesName(path.name, name)),
    );
  }

  /** Normalises a line of a text. */
  normaliseLine(line: string): string {
    return this.#normalise(line, (path) => path.kind === "body");
  }

  #normalise(text: string, applies: (path: BodyPath) => boolean): string {
    let normalised = text;
    for (const { pattern, replacement, path } of this.#normalisers) {
      if (path !== undefined && !applies(path)) continue;
      normalised = pattern.replaceAll(normalised, replacement, this.#steps);
    }
    const isAmong = (paths: readonly BodyPath[]) => paths.some(applies);
    if (isAmong(this.#instants)) normalised = canonicalInstant(normalised) ?? normalised;
    if (isAmong(this.#numericTexts)) normalised = canonicalNumbers(normalised);
    return isAmong(this.#ignoreCase) ? normalised.toLowerCase() : normalised;
  }
}

/** Reports whether a path is that of a JSON value, or of a value or body that contains it. */
function coversJson(path: BodyPath, segments: readonly Segment[]): boolean {
  return path.kind === "body" || (path.kind === "json" && matchesSteps(path.steps, segments, { orInside: true }));
}

function stepsOf(paths: readonly BodyPath[]): (readonly PathStep[])[] {
  return paths.flatMap((path) => path.kind === "json" ? [path.steps] : []);
}

function toUnorderedSteps({ path, identity }: UnorderedArray): UnorderedSteps[] {
  return path.kind === "json" ? [{ steps: path.steps, identity }] : [];
}

function toNormaliser({ pattern: source, replacement, path }: NormaliseRule): Normaliser {
  const pattern = new LinearRegExp(source);
  return { pattern, replacement: pattern.replacement(replacement), path };
}

function randomKey(): HashKey {
  const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
  return [first, second];
}
