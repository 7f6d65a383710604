/** Compares every number on the dashboard with the truth about known traffic. A number without a truth fails. */

import { assert, assertEquals, AssertionError, assertMatch } from "@std/assert";
import type { StateView } from "../../src/admin/api.ts";
import { count, finePercent, patternParts, percent, rate } from "../../src/admin/dashboard/format.js";
import { wilsonInterval } from "../../src/lib/statistics.ts";
import type { Page } from "./browser.ts";
import {
  type Clients,
  type DurationBounds,
  type RouteTruth,
  type ServiceTruth,
  sum,
  type Truth,
} from "./known_traffic.ts";
import { checkPercentile, mergeBounds } from "./truth_of_metrics.ts";
import { collectNumbers } from "./page_numbers.js";
import { type Expected as ReportedService, expectedServices, NONE, rangeOf, totalsOf } from "./truth_of_report.ts";

/** Everything that the page is compared with. */
export interface PageTruth {
  readonly truth: Truth;
  readonly clients: Clients;
  readonly workers: number;
  readonly startMs: number;
  /** States that the page has received. */
  readonly states: readonly [before: StateView, after: StateView];
  readonly version: string;
  /** True if all durations are recent. On a slow machine, only some of them are. */
  readonly isRecent: boolean;
}

/** A text of the page that contains a number. */
interface Shown {
  /** Part of the page, for example `services blue`. */
  readonly where: string;
  /** Name of the number, for example `Requests`. */
  readonly label: string;
  readonly text: string;
}

type Check = (text: string) => void;

/** Numbers that are expected, by part of the page and label. */
class Expected {
  readonly #checks = new Map<string, Check>();
  /** Parts of which the page may leave out some. */
  readonly #optional = new Set<string>();

  /** A text without a digit is not collected. */
  text(where: string, label: string, text: string): void {
    if (/\d/.test(text)) this.check(where, label, (shown) => assertEquals(shown, text, `${where}, ${label}`));
  }

  check(where: string, label: string, check: Check, { isOptional = false } = {}): void {
    this.#checks.set(`${where} | ${label}`, check);
    if (isOptional) this.#optional.add(`${where} | ${label}`);
  }

  compare(shown: readonly Shown[]): void {
    const seen = new Set<string>();
    const wrong: string[] = [];
    for (const { where, label, text } of shown) {
      const key = `${where} | ${label}`;
      const check = this.#checks.get(key);
      seen.add(key);
      try {
        assert(check !== undefined, "it is compared with nothing");
        check(text);
      } catch (error) {
        if (!(error instanceof AssertionError)) throw error;
        wrong.push(`${key}: "${text}": ${error.message}`);
      }
    }
    for (const key of this.#checks.keys()) {
      if (!seen.has(key) && !this.#optional.has(key)) wrong.push(`${key}: it is not shown`);
    }
    assertEquals(wrong, []);
  }
}

/** Opens everything, and compares the services, the routes, and the comparison. */
export async function checkPage(page: Page, context: PageTruth): Promise<void> {
  page.setDefaultTimeout(10_000);
  await page.locator("#overview .figure-note", { hasText: /[1-9]\d* since start/ }).waitFor();
  await page.locator("#list-more").click();
  const shownRows: Shown[] = [];
  for (const list of ["services", "routes"]) {
    await page.locator(`#list-${list}`).click();
    await page.evaluate(`for (const button of document.querySelectorAll("#${list} .subject-open")) button.click()`);
    // Other parts are compared once.
    const all = await collectFrom(page);
    shownRows.push(...all.filter(({ where }) => list === "services" || where.startsWith("routes ")));
  }
  await page.locator("#list-services").click();
  const expected = new Expected();
  expectTraffic(expected, context);
  expected.compare(shownRows);
  const exchanges = new Set(shownRows.map(({ where }) => where).filter((where) => where.startsWith("exchange ")));
  assertEquals(exchanges.size, SHOWN_EXCHANGES);

  await page.locator("#comparison-link").click();
  await page.locator(".verdict").nth(3).waitFor();
  const compared = new Expected();
  expectComparison(compared, context);
  compared.compare(await collectFrom(page));
}

async function collectFrom(page: Page): Promise<Shown[]> {
  return await page.evaluate<Shown[]>(`(${collectNumbers})()`);
}

function secondsOf({ states: [before, after] }: PageTruth): number {
  return (after.timeMs - before.timeMs) / 1_000;
}

interface Figures {
  readonly total: number;
  readonly succeeded: number;
  readonly aborted: number;
  readonly inFlight: number;
  readonly duration: DurationBounds;
}

function figuresOfRoute({ responses, interrupted, inFlight, duration }: RouteTruth): Figures {
  const total = sum(responses);
  const failed = Math.min(total, (responses["5xx"] ?? 0) + interrupted);
  return { total, succeeded: total - failed, aborted: 0, inFlight, duration };
}

function figuresOfService({ responses, failedResponses, failures, inFlight, duration }: ServiceTruth): Figures {
  const succeeded = sum(responses) - failedResponses;
  return { total: sum(responses) + sum(failures), succeeded, aborted: failures["aborted"] ?? 0, inFlight, duration };
}

function successOf({ total, aborted, succeeded }: Figures): string {
  return percent(total === aborted ? NaN : succeeded / (total - aborted));
}

/** Skips that the configuration asks for. */
const CHOSEN: ReadonlySet<string> = new Set(["method-excluded", "not-sampled", "body-too-large"]);

interface Judgement {
  readonly health: "failing" | "degraded" | "healthy" | "idle";
  readonly reason: string;
}

function levelOf(succeeded: number, total: number): Judgement["health"] {
  if (total === 0) return "idle";
  return succeeded / total >= 0.99 ? "healthy" : succeeded / total < 0.9 ? "failing" : "degraded";
}

function share(part: number, whole: number): string {
  return `${part === whole ? 100 : Math.min(99, Math.max(1, Math.round(part / whole * 100)))}\u202f%`;
}

function judgeService(truth: ServiceTruth): Judgement {
  if (truth.health === "unhealthy") return { health: "failing", reason: "unhealthy" };
  if (truth.breaker === "open") return { health: "failing", reason: "breaker open" };
  const { total: sent, succeeded, aborted } = figuresOfService(truth);
  const total = sent - aborted;
  const health = levelOf(succeeded, total);
  const kinds = Object.entries(truth.failures).filter(([kind]) => kind !== "aborted");
  const failure = kinds[0]?.[0] ?? "error status";
  if (health === "failing") return { health, reason: `${share(total - succeeded, total)} fail: ${failure}` };
  const [[skip = "", lost = 0] = []] = Object.entries(truth.skips).filter(([reason, count]) =>
    !CHOSEN.has(reason) && count > 0
  );
  if (lost > 0) return { health: "degraded", reason: `${share(lost, lost + total)} not sent: ${skip}` };
  const idle = truth.inFlight > 0 ? "no response yet" : aborted > 0 ? "all requests aborted" : "no traffic";
  return { health, reason: health === "idle" ? idle : health };
}

function judgeRoute(truth: RouteTruth): Judgement {
  const { total, succeeded } = figuresOfRoute(truth);
  const health = levelOf(succeeded, total);
  const [failure] = truth.interrupted > (truth.responses["5xx"] ?? 0) ? ["interrupted"] : ["5xx"];
  const failed = `${share(total - succeeded, total)} fail: ${failure}`;
  if (health === "failing") return { health, reason: failed };
  if (truth.fallbacks > 0) return { health: "degraded", reason: `${share(truth.fallbacks, total)} from a fallback` };
  return { health, reason: health === "degraded" ? failed : health };
}

/** Returns a check of a duration such as `12 ms`. */
function durationCheck(ratio: number, bounds: DurationBounds, about: string): Check {
  return (text) => {
    const [, number = "", unit = ""] = /^([\d.]+)\u202f(m?s)$/.exec(text) ?? [];
    assert(unit !== "", `${text} of ${about} is no duration`);
    const scale = unit === "s" ? 1_000 : 1;
    const roundedMs = scale / 10 ** (number.split(".")[1]?.length ?? 0);
    checkPercentile(Number(number) * scale, { ratio, bounds, roundedMs }, `"${text}" of ${about}`);
  };
}

/** Exchanges in the list. */
const SHOWN_EXCHANGES = 30;
const RATIOS = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]] as const;
const CLOCK = /^\d\d:\d\d:\d\d$/;

/** Compares the text of a chart, whose durations are checked by themselves. */
function expectChart(expected: Expected, where: string, label: string, parts: readonly (string | Check)[]): void {
  expected.check(where, `chart ${label}, chart`, (text) => {
    const [time = "", ...values] = text.split(", ");
    assertMatch(time, CLOCK);
    assertEquals(values.length, parts.length, text);
    values.forEach((value, index) => {
      const part = parts[index]!;
      if (typeof part === "string") assertEquals(value, part, `${where}, ${label}`);
      else if (!value.endsWith("–")) part(value.replace(/^p\d\d /, ""));
    });
  }, { isOptional: true });
}

function expectTraffic(expected: Expected, context: PageTruth): void {
  const { truth: { routes, services }, clients } = context;
  const seconds = secondsOf(context);
  const total = routes.map(figuresOfRoute).reduce((all, each) => ({
    total: all.total + each.total,
    succeeded: all.succeeded + each.succeeded,
    aborted: 0,
    inFlight: all.inFlight + each.inFlight,
    duration: mergeBounds([all.duration, each.duration]),
  }));
  const fallbacks = routes.reduce((all, { fallbacks }) => all + fallbacks, 0);
  const unmatched = figuresOfRoute(routes.find(({ route }) => route === "")!).total;
  const perSecond = (count: number) => rate(count / seconds);
  const judged = services.map((truth) => ({ truth, ...judgeService(truth), members: [truth] }));
  const matched = routes.filter(({ route }) => route !== "");
  const judgedRoutes = matched.map((truth) => ({ truth, ...judgeRoute(truth) }));
  const isTroubled = ({ health }: Judgement) => health === "failing" || health === "degraded";
  const of = (judgements: readonly Judgement[], level: string) =>
    judgements.filter(({ health }) => health === level).length;

  expected.text("page", "#headline-text", `${of(judged, "failing")} of ${services.length} services failing`);
  const isSilent = ({ reason }: Judgement) => reason !== "no traffic";
  const idle = judged.filter(({ health }) => health === "idle");
  const silent = idle.filter(isSilent).length;
  const numberOf = (number: number) => `${number} ${number === 1 ? "service" : "services"}`;
  expected.text(
    "page",
    "#headline-note",
    [
      `${of(judged, "degraded")} degraded`,
      `${matched.length} routes: ${of(judgedRoutes, "failing")} failing, ${of(judgedRoutes, "degraded")} degraded`,
      `${numberOf(idle.length - silent)} without traffic`,
      `${numberOf(silent)} without a response`,
    ].join(" · "),
  );
  const troubled = judged.filter(isTroubled);
  const explained = new Set(troubled.map(({ truth }) => truth.route));
  const others = judgedRoutes.filter((route) => isTroubled(route) && !explained.has(route.truth.route));
  const problems = [
    ...troubled.map(({ truth, health, reason }) => ({ name: truth.service, health, reason, cause: truth.cause })),
    ...others.map(({ truth, health, reason }) => ({ name: pathOf(truth), health, reason, cause: undefined })),
  ].sort((a, b) => Number(b.health === "failing") - Number(a.health === "failing"));
  for (const { name, reason, cause } of problems.slice(0, 4)) {
    expected.text(`problem ${name}`, "problem-reason", reason);
    if (cause !== undefined) expected.check(`problem ${name}`, "problem-cause", (text) => assertMatch(text, cause));
  }
  expected.text("page", "#problems-more", `${problems.length - 4} more, at the top of the lists below`);

  expected.text("overview", "Requests", perSecond(total.total));
  expected.text(
    "overview",
    "note Requests",
    `${count(total.total)} since start, ${perSecond(unmatched)} without a route`,
  );
  expected.text("overview", "Success", percent(total.succeeded / total.total));
  expected.text(
    "overview",
    "note Success",
    `${count(total.total - total.succeeded)} failed since start, ${perSecond(fallbacks)} fallback`,
  );
  const recent = (bounds: DurationBounds) => context.isRecent ? bounds : rangeOf(bounds);
  const checks = RATIOS.map(([name, ratio]) => durationCheck(ratio, recent(total.duration), name));
  expected.check("overview", "Latency, p50", checks[0]!);
  expected.check("overview", "note Latency, p50", (text) => checks[text.startsWith("p95") ? 1 : 2]!(text.slice(4)));
  expected.text("overview", "In flight", count(total.inFlight));
  expectChart(expected, "overview", "Requests", [perSecond(total.total)]);
  expectChart(expected, "overview", "Success", [`${percent(total.succeeded / total.total)} successful`]);
  expectChart(expected, "overview", "Latency, p50", checks);
  expectChart(expected, "overview", "In flight", [`${count(total.inFlight)} in flight`]);
  // Ends of axes: round numbers above the values, which are compared.
  expected.check("overview", "scale", () => {});

  const asText = (pattern: string) => patternParts(pattern)[1];
  for (const truth of services) {
    expectSubject(expected, `services ${truth.service}`, { ...context, judgement: judgeService(truth) }, {
      figures: figuresOfService(truth),
      failures: { ...truth.failures, "error status": truth.failedResponses },
      skips: truth.skips,
      fallbacks: 0,
      cause: truth.cause,
      members: [{ label: `${asText(truth.route)} · ${truth.role}`, figures: figuresOfService(truth) }],
      hasOrigin: true,
    });
  }
  for (const truth of matched) {
    const own = services.filter(({ route }) => route === truth.route);
    const culprit = own.find((service) => isTroubled(judgeService(service)));
    expectSubject(expected, `routes ${pathOf(truth)}`, { ...context, judgement: judgeRoute(truth) }, {
      figures: figuresOfRoute(truth),
      failures: { "5xx": truth.responses["5xx"] ?? 0, interrupted: truth.interrupted },
      skips: {},
      fallbacks: truth.fallbacks,
      cause: culprit?.cause,
      members: own.map((service) => ({
        label: `${service.service} · ${service.role}`,
        figures: figuresOfService(service),
      })),
      hasOrigin: false,
    });
  }
  expectExchanges(expected, clients);

  expected.text("page", "#list-services-count", count(services.length));
  expected.text("page", "#list-routes-count", count(matched.length));
  expected.text("page", "#list-more", "Show fewer");
  // Words of the page, without a truth: ends of axes, and the span of the charts.
  for (const label of ["#chart-span", "scale"]) expected.check("page", label, () => {}, { isOptional: true });
  expectFrame(expected, context);
}

/** Parts of the page that all views have. */
function expectFrame(expected: Expected, { states: [, after], startMs, version, workers }: PageTruth): void {
  const time = new Date(after.reloads!.lastAttemptMs).toTimeString().slice(0, 8);
  expected.check("reload-notice", "", (text) => {
    const isKnown = text.startsWith(`The reload at ${time} was refused.`) ||
      text === "unknownField: unknown key (line 1)";
    assert(isKnown, text);
  });
  expected.text("footer", "0", `conductor ${version}`);
  expected.check("footer", "1", (text) => {
    const [, seconds = "0"] = /^up (\d+)\u202fs$/.exec(text) ?? [];
    assert(Number(seconds) > 0 && Number(seconds) * 1_000 <= after.timeMs - startMs, text);
  });
  expected.text("footer", "2", workers === 1 ? "1 worker" : `${workers} workers`);
  const { file, lastSuccessMs, lastRefusal } = after.reloads!;
  const secondsSince = (timeMs: number) => `${Math.floor((after.timeMs - timeMs) / 1_000)}\u202fs`;
  expected.text("footer", "3", `${file}, loaded ${secondsSince(lastSuccessMs)} ago`);
  expected.text("footer", "4", `last refused reload ${secondsSince(lastRefusal!.timeMs)} ago`);
  expected.check("footer", "5", (text) => assertMatch(text, /^\d{2,3}\u202fMiB resident$/));
  expected.check("footer", "6", (text) => assertMatch(text, /^\d+ descriptors$/), { isOptional: true });
}

function pathOf({ route }: { readonly route: string }): string {
  return patternParts(route)[1];
}

interface SubjectTruth {
  readonly figures: Figures;
  readonly failures: Readonly<Record<string, number>>;
  readonly skips: Readonly<Record<string, number>>;
  readonly fallbacks: number;
  readonly cause: RegExp | undefined;
  readonly members: readonly { readonly label: string; readonly figures: Figures }[];
  readonly hasOrigin: boolean;
}

function expectSubject(
  expected: Expected,
  where: string,
  context: PageTruth & { readonly judgement: Judgement },
  { figures, failures, skips, fallbacks, cause, members, hasOrigin }: SubjectTruth,
): void {
  const { judgement: { health, reason } } = context;
  const perSecond = (count: number) => rate(count / secondsOf(context));
  const detail = `${where} detail`;
  expected.text(where, "Requests", perSecond(figures.total));
  expected.text(where, "Success", successOf(figures));
  expected.text(where, "Since start", count(figures.total));
  expected.text(where, "subject-reason", reason);
  const isTroubled = health === "failing" || health === "degraded";
  // Skips have causes without numbers.
  if (isTroubled && cause !== undefined && !reason.includes("not sent")) {
    expected.check(where, "subject-cause", (text) => assertMatch(text, cause), { isOptional: true });
  }
  const hasDurations = figures.duration.atLeastMs.length > 0;
  const recent = (bounds: DurationBounds) => context.isRecent ? bounds : rangeOf(bounds);
  const checks = RATIOS.map(([name, ratio]) => durationCheck(ratio, recent(figures.duration), `${name} of ${where}`));
  const isOptional = !context.isRecent;
  if (hasDurations) RATIOS.forEach(([name], index) => expected.check(where, name, checks[index]!, { isOptional }));

  if (hasOrigin) expected.check(detail, "Origin", (text) => assertMatch(text, /^https?:\/\/127\.0\.0\.1:\d+$/));
  const fact = (name: string, number: number) => expected.text(detail, name, count(number));
  fact("Requests", figures.total);
  fact("Succeeded", figures.succeeded);
  for (const [kind, number] of Object.entries(failures)) {
    if (number > 0) fact(kind === "aborted" ? "Aborted" : `Failed: ${kind}`, number);
  }
  for (const [name, number] of Object.entries(skips)) if (number > 0) fact(`Skipped: ${name}`, number);
  if (fallbacks > 0) fact("From a fallback", fallbacks);
  fact("In flight", figures.inFlight);
  if (hasDurations) {
    const sinceStart = [...RATIOS.map(([, ratio]) => ratio), 1].map((ratio) =>
      durationCheck(ratio, figures.duration, `the latency of ${where}`)
    );
    expected.check(detail, "Latency", (text) => {
      const [, ...values] = /^p50 (.+), p95 (.+), p99 (.+), maximum (.+)$/.exec(text) ?? [];
      assertEquals(values.length, 4, text);
      values.forEach((value, index) => sinceStart[index]!(value));
    });
  } else expected.check(detail, "Latency", (text) => assertEquals(text, "p50 –, p95 –, p99 –, maximum –"));
  members.forEach(({ label, figures }, index) => {
    expected.check(detail, `members ${index}`, (text) => {
      const known = `${label} · ${perSecond(figures.total)} · ${successOf(figures)} · p95 `;
      assert(text.startsWith(known), `${text}: expected ${known}`);
      const latency = text.slice(known.length);
      if (figures.duration.atLeastMs.length === 0) return assertEquals(latency, "–");
      if (context.isRecent || latency !== "–") {
        durationCheck(0.95, recent(figures.duration), `a member of ${where}`)(latency);
      }
    });
  });
  expectChart(expected, detail, "Requests", [perSecond(figures.total)]);
  expectChart(expected, detail, "Success", [`${successOf(figures)} successful`]);
  expectChart(expected, detail, "Latency", checks);
  // The last failure, and the ends of axes, which are round numbers above the values.
  expected.check(detail, "last failure", (text) => {
    if (!CLOCK.test(text)) assertMatch(text, cause ?? /^no failure is expected$/);
  }, { isOptional: true });
  expected.check(detail, "scale", () => {}, { isOptional: true });
  expected.check(detail, "title", () => {}, { isOptional: true });
  expected.check(where, "title", () => {}, { isOptional: true });
}

/** The exchanges that the page shows are the newest ones. Those that are still in flight are not recorded yet. */
function expectExchanges(expected: Expected, { views }: Clients): void {
  for (const { id, status, startMs, durationMs } of views) {
    const where = `exchange ${id}`;
    const isOptional = { isOptional: true };
    expected.check(where, "status", (text) => assertEquals(Number(text), status, id), isOptional);
    const outcomes = /^(?:\d\d\d|[a-z-]+)(?: hedge)?$/;
    expected.check(where, "attempt-label", (text) => assertMatch(text, outcomes), isOptional);
    expected.check(where, "exchange-time", (text) => {
      const times = [startMs, startMs + durationMs].map((ms) => new Date(ms).toTimeString().slice(0, 8));
      assert(text >= times[0]! && text <= times[1]!, `${text} of ${id}`);
    }, isOptional);
    expected.check(where, "exchange-facts truncated", (text) => {
      durationCheck(0.5, { atLeastMs: [0], atMostMs: [durationMs] }, id)(text.replace("in ", "").trim());
    }, isOptional);
    // Shadow requests may take longer than the client waited.
    for (const label of ["attempt-duration", "visually-hidden", "title", "exchange-cause"]) {
      expected.check(where, label, () => {}, isOptional);
    }
  }
}

function expectComparison(expected: Expected, context: PageTruth): void {
  const { truth, startMs } = context;
  const services = expectedServices(truth);
  const { compared, undecided, notComparable, matchRate } = totalsOf(services);
  expected.check("page", "#verdict-facts", (text) => {
    const facts = [
      "not enough traffic",
      `${finePercent(matchRate)} match`,
      `since ${new Date(startMs).toTimeString().slice(0, 5)}, ${compared} comparisons`,
      `${undecided} undecided`,
      `${notComparable} not comparable`,
    ];
    assertEquals(text, facts.join(" · "));
  });
  for (const { truth, primary, compared, undecided, mismatching, errors, reasons } of services) {
    const where = `verdict ${truth.service}`;
    const decided = compared - undecided;
    const { value, low, high } = wilsonInterval(decided - mismatching, decided);
    if (decided > 0) expected.text(where, "figure-value", finePercent(value));
    const interval = decided > 0 ? [`${finePercent(low)} to ${finePercent(high)}, of ${count(decided)}`] : [];
    expected.text(where, "verdict-note", [...interval, ...undecided > 0 ? [`${undecided} undecided`] : []].join(", "));
    expected.text(where, "", `required ${finePercent(0.999)}`);
    if (compared > 0) {
      expected.text(where, `Errors ${truth.service}`, finePercent(errors));
      expected.text(where, "Errors primary", finePercent(0));
      for (const [name, ratio] of RATIOS) {
        const bounds = errors < 1 ? truth.duration : NONE;
        if (errors < 1) expected.check(where, `${name} ${truth.service}`, durationCheck(ratio, bounds, where));
        expected.check(where, `${name} primary`, durationCheck(ratio, rangeOf(primary.duration), where));
      }
    }
    // Reasons about latencies depend on the machine, and shift the others.
    for (let index = 0; index <= reasons.length; index++) {
      expected.check(where, `reasons ${index}`, (text) => {
        if (!/^p\d\d /.test(text)) assert(reasons.includes(text), text);
      }, { isOptional: true });
    }
    expected.check(where, "title", (text) => assertEquals(text, "95 % confidence interval"), { isOptional: true });
  }
  const expectField = (where: string, path: string, { compared, truth }: ReportedService) => {
    const isRequest = (text: string) => {
      const id = text.replace("Request id ", "");
      const view = context.clients.views.find((view) => view.id === id);
      assertEquals(view?.path, truth.route.slice("pathPrefix ".length), text);
    };
    expected.text(where, "endpoint-facts", `${count(compared)} comparisons`);
    expected.text(where, "field-counts", `${count(compared)} of ${count(compared)} differ`);
    expected.text(where, "differs", finePercent(1));
    expected.text(where, "noise", finePercent(0));
    expected.check(where, "request-id", isRequest);
    expected.check(where, "title", isRequest);
    // The end of a sample, and the number of samples that are folded.
    expected.check(
      where,
      "",
      (text) => assertMatch(text, path === "outcome" ? /^(?:sponse 200|\d more samples?)$/ : /^\d more samples?$/),
      { isOptional: true },
    );
  };
  const [canary, absent] = ["canary", "absent"].map((name) => services.find(({ truth }) => truth.service === name)!);
  expectField("differences", "$.version", canary!);
  expectField("undecided", "outcome", absent!);
  // The newest mismatches.
  for (const label of ["request-id", "title"]) {
    expected.check("mismatches", label, (text) => assertMatch(text, /^(?:Request id )?(?:api|lone)-\d+$/));
  }
  expected.check("mismatches", "exchange-time", (text) => assertMatch(text, CLOCK));
  expected.check("mismatches", "", (text) => assertMatch(text, /^sponse 200$/), { isOptional: true });
  expectFrame(expected, context);
  expected.text("page", "#undecided-count", count(1));
  expected.text("page", "#differences-facts", "1 field differs more often than by noise");
}
