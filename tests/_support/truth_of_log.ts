/** Compares every number in the log and in the access log with the truth about known traffic. */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { type Clients, type ClientView, type ServiceTruth, sum, type Truth } from "./known_traffic.ts";
import { withoutZeros } from "./truth_of_metrics.ts";

/** Everything that the log is compared with. */
export interface LogTruth {
  readonly truth: Truth;
  readonly clients: Clients;
  readonly workers: number;
  readonly startMs: number;
  /** True if the log has all lines; otherwise only those at info, without those that the access log replaces. */
  readonly isDebug: boolean;
}

type Fields = Record<string, unknown>;

const MESSAGES_OF_COMPARISONS: Readonly<Record<string, string>> = {
  "responses match": "match",
  "responses differ": "mismatch",
  "response missing": "missing",
  "primary compared with itself": "noise",
  "responses not comparable": "not-comparable",
};
/** Comparisons that are logged at debug only. */
const DEBUG_COMPARISONS: ReadonlySet<string> = new Set(["match", "noise"]);
const GATEWAY_FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);

/** Counts of lines by message, service, and outcome. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(message: string, service: unknown, outcome: unknown, count = 1): void {
    const key = `${message} ${service} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  of(message: string, service: string): Record<string, number> {
    const start = `${message} ${service} `;
    const own = [...this.#counts].filter(([key]) => key.startsWith(start));
    return Object.fromEntries(own.map(([key, count]) => [key.slice(start.length), count]));
  }

  total(message: string): number {
    return [...this.#counts].filter(([key]) => key.startsWith(`${message} `)).reduce(
      (all, [, count]) => all + count,
      0,
    );
  }
}

/** Compares all lines. A message, or a field with a number, that is compared with nothing fails. */
export function checkLog(log: string, context: LogTruth): void {
  const { truth, workers, isDebug, clients } = context;
  const tally = new Tally();
  const completed: Fields[] = [];
  const access: Fields[] = [];
  let lastMs = context.startMs;
  for (const text of log.trimEnd().split("\n")) {
    const { time, level: _level, message, ...fields } = JSON.parse(text) as Fields;
    const timeMs = Date.parse(String(time));
    assert(timeMs >= context.startMs - 1 && timeMs <= Date.now(), text);
    // Lines of the access log have the time at which their request arrived.
    if (message !== "access") lastMs = Math.max(lastMs, timeMs);
    const rest = compareLine(String(message), fields, { ...context, tally, completed, access });
    assert(!hasNumber(rest), `compared with nothing in ${text}: ${JSON.stringify(rest)}`);
  }
  for (const message of ["listening", "configuration reloaded", "configuration not reloaded", "stopping", "stopped"]) {
    assertEquals(tally.total(message), 1, message);
  }
  for (const truthOfService of truth.services) compareService(truthOfService, tally, context);
  const isLogged = ({ status }: ClientView) => isDebug || GATEWAY_FAILURES.has(status);
  const logged = clients.views.filter(isLogged).map(({ id }) => id).sort();
  const shown = completed.map(({ requestId }) => String(requestId)).sort();
  // The access log has all requests, so that repeated failures are folded.
  if (isDebug) assertEquals(shown, logged);
  assertEquals(shown.filter((id) => !logged.includes(id)), []);
  assertEquals(shown.length + tally.total("folded"), logged.length);
  assertEquals(access.length, isDebug ? 0 : clients.views.length);
  if (!isDebug) compareAttempts(access, truth);
  const opened = truth.routes.reduce((all, { tunnelsOpened }) => all + tunnelsOpened, 0);
  assertEquals([tally.total("tunnel opened"), tally.total("tunnel closed")], [isDebug ? opened : 0, opened]);
  assert(tally.total("breaker opened") >= 1 && tally.total("breaker opened") <= workers);
  assert(tally.total("service unhealthy") >= 1 && tally.total("service unhealthy") <= workers);
}

interface LineContext extends LogTruth {
  readonly tally: Tally;
  readonly completed: Fields[];
  readonly access: Fields[];
}

/** Compares one line, and returns its fields without those that were compared. */
function compareLine(message: string, fields: Fields, context: LineContext): Fields {
  const { tally, clients, workers, truth } = context;
  const { requestId, service, status, durationMs, failure, reason, suppressed, reasons, ...others } = fields;
  const view = clients.views.find(({ id }) => id === requestId);
  // Ports are known, or part of addresses.
  const { address: _address, cause: _cause, error: _error, paths: _paths, ...rest } = others;
  if (requestId !== undefined) assert(view !== undefined, `unknown request ${requestId}`);
  switch (message) {
    case "listening": {
      const { version, url: _url, admin: _admin, adminAddress: _adminAddress, file: _file, routes, ...more } = rest;
      assert(/^\d+\.\d+\.\d+/.test(String(version)));
      compareRoutes(routes as Fields[], truth);
      assertEquals(more["workers"], workers === 1 ? undefined : workers);
      tally.add(message, "", "");
      return { ...more, workers: undefined };
    }
    case "access":
      context.access.push(fields);
      return compareAccess(fields, view!, clients);
    case "request completed":
      context.completed.push(fields);
      return compareCompleted({ ...rest, service, status, durationMs }, view!);
    case "attempt started":
      assertLessOrEqual(Number(rest["atMs"]), view!.durationMs + 1_000);
      tally.add(message, service, "");
      return { ...rest, atMs: undefined };
    case "attempt skipped":
      tally.add(message, service, reason);
      return rest;
    case "attempt succeeded":
    case "attempt failed":
    case "attempt aborted":
    case "attempt rejected": {
      const own = truth.services.find((known) => known.service === service)!;
      assertLessOrEqual(Number(durationMs), Math.max(...own.duration.atMostMs, view!.durationMs) + 1);
      tally.add(message, service, failure ?? `${String(status)[0]}xx`);
      return rest;
    }
    case "response interrupted":
      tally.add(message, service, failure);
      return rest;
    case "more requests failed":
    case "more attempts failed":
    case "more responses compared":
    case "more responses interrupted":
      assertEquals(suppressed, sum(reasons as Record<string, number>), message);
      for (const [name, count] of Object.entries(reasons as Record<string, number>)) {
        // Statuses are named like "status 500".
        const outcome = name.replace(/^status (\d)\d\d$/, "$1xx");
        tally.add(message === "more responses compared" ? "compared" : SUMMARIES[message]!, service, outcome, count);
      }
      return rest;
    case "tunnel opened":
      tally.add(message, service, "");
      return rest;
    case "tunnel closed": {
      const { clientBytes, serviceBytes, closeCode, ...more } = rest;
      const known = clients.tunnels.find((tunnel) => tunnel.id === requestId)!;
      assertEquals([clientBytes, serviceBytes, closeCode], [known.clientBytes, known.serviceBytes, 1_000]);
      assertLessOrEqual(Number(durationMs), known.durationMs + 1);
      tally.add(message, service, "");
      return more;
    }
    case "breaker opened":
      assertEquals([service, rest["openForMs"]], ["open", 60_000]);
      tally.add(message, service, "");
      return { ...rest, openForMs: undefined };
    case "service unhealthy":
      assertEquals([service, status], ["sick", 500]);
      tally.add(message, service, "");
      return rest;
    case "configuration reloaded":
      tally.add(message, "", "");
      return { ...rest, file: undefined };
    case "configuration not reloaded, the previous one stays in force":
      assertEquals((rest["problems"] as string[]).length, 1);
      tally.add("configuration not reloaded", "", "");
      return { ...rest, file: undefined, problems: undefined };
    case "stopping: no new requests, waiting for requests in flight":
      assertEquals(rest["timeoutMs"], 20_000, "the reload changed this timeout");
      tally.add("stopping", "", "");
      return { ...rest, timeoutMs: undefined };
    case "stopped":
      tally.add(message, "", "");
      return rest;
  }
  const result = MESSAGES_OF_COMPARISONS[message];
  assert(result !== undefined && rest["result"] === result, `the message "${message}" is compared with nothing`);
  tally.add("compared", service, result);
  return rest;
}

const SUMMARIES: Readonly<Record<string, string>> = {
  "more attempts failed": "attempt failed",
  "more responses interrupted": "response interrupted",
  "more requests failed": "folded",
};

function compareRoutes(routes: readonly Fields[], truth: Truth): void {
  const shown = routes.map(({ services }) =>
    (services as Fields[]).map(({ service, timeoutMs }) => [service, timeoutMs])
  );
  const known = truth.routes.filter(({ route }) => route !== "").map(({ route }) =>
    truth.services.filter((service) => service.route === route).map(({ service, timeoutMs }) => [service, timeoutMs])
  );
  assertEquals(shown, known);
}

function compareCompleted({ status, durationMs, localBytes, service, ...rest }: Fields, view: ClientView): Fields {
  assertEquals([status, service], [view.status, view.service], view.id);
  assertLessOrEqual(Number(durationMs), view.durationMs + 1);
  if (view.service === undefined && view.status !== 499) assertEquals(localBytes, view.bodyBytes, view.id);
  else if (view.status !== 499) assertEquals(localBytes, undefined, view.id);
  return { ...rest, path: undefined };
}

function compareAccess(fields: Fields, view: ClientView, { tunnels }: Clients): Fields {
  const { status, requestBytes, responseBytes, durationMs, service, attempts, client, protocol, ...rest } = fields;
  const tunnel = tunnels.find(({ id }) => id === view.id);
  const sent = tunnel?.clientBytes ?? view.sentBytes;
  const received = tunnel?.serviceBytes ?? view.bodyBytes;
  assertEquals([status, service, client, protocol], [view.status, view.service, "127.0.0.1", "HTTP/1.1"], view.id);
  assertEquals(requestBytes, sent, view.id);
  // conductor writes a reply to a client that left, which nobody reads.
  if (view.status !== 499) assertEquals(responseBytes, received, view.id);
  // The line is written when the last byte has been handed to the system.
  assertLessOrEqual(Number(durationMs), (tunnel ?? view).durationMs + 1, view.id);
  for (const attempt of attempts as Fields[]) {
    if (attempt["durationMs"] !== undefined) {
      assertGreaterOrEqual(Number(attempt["durationMs"]), 0);
      assertLessOrEqual(Number(attempt["durationMs"]), Math.max(Number(durationMs), view.durationMs) + 1, view.id);
    }
  }
  return { ...rest, requestId: undefined, target: undefined };
}

/** The access log has all attempts of all requests, except replays. */
function compareAttempts(access: readonly Fields[], { services }: Truth): void {
  const attempts = access.flatMap(({ attempts }) => attempts as { service: string; outcome: string }[]);
  for (const { service, responses, failures, skips, replays } of services) {
    const own = attempts.filter((attempt) => attempt.service === service);
    assertEquals(own.length, sum(responses) + sum(failures) + sum(skips) - replays, service);
    const settled: Record<string, number> = {};
    for (const { outcome } of own) {
      const name = outcome.replace(/^(\d)\d\d$/, "$1xx");
      settled[name] = (settled[name] ?? 0) + 1;
    }
    // A shadow request may end after the line.
    const { pending = 0, ...counted } = settled;
    const known: Record<string, number> = { ...responses, ...failures, ...skips };
    for (const [name, count] of Object.entries(counted)) {
      assertLessOrEqual(count, known[name] ?? 0, `${service} ${name}`);
    }
    assertEquals(sum(counted) + pending, own.length);
  }
}

function compareService(truth: ServiceTruth, tally: Tally, { isDebug }: LogTruth): void {
  const { service, responses, failedResponses, failures, skips, comparisons, role } = truth;
  const { aborted = 0, ...faults } = failures;
  const failed = { ...faults, ...(failedResponses > 0 && { "5xx": failedResponses }) };
  assertEquals(tally.of("attempt failed", service), withoutZeros(failed), service);
  const shown = isDebug
    ? comparisons
    : Object.fromEntries(Object.entries(comparisons).filter(([result]) => !DEBUG_COMPARISONS.has(result)));
  assertEquals(tally.of("compared", service), withoutZeros(shown), service);
  if (!isDebug) return;
  assertEquals(tally.of("attempt skipped", service), withoutZeros(skips), service);
  assertEquals(sum(tally.of("attempt succeeded", service)), sum(responses) - failedResponses, service);
  const cutOff = role === "shadow" ? skips["body-too-large"] ?? 0 : 0;
  assertLessOrEqual(sum(tally.of("attempt aborted", service)), aborted + cutOff, service);
  assertGreaterOrEqual(sum(tally.of("attempt aborted", service)), aborted, service);
  const rejected = (skips["open-circuit"] ?? 0) + (skips["unhealthy"] ?? 0);
  assertEquals(sum(tally.of("attempt rejected", service)), rejected, service);
  assertEquals(
    sum(tally.of("attempt started", service)),
    sum(responses) + sum(failures) + rejected + sum(tally.of("attempt aborted", service)) - aborted,
    service,
  );
}

function hasNumber(value: unknown): boolean {
  if (typeof value === "number") return true;
  if (typeof value === "object" && value !== null) return Object.values(value).some(hasNumber);
  return typeof value === "string" && /\d/.test(value);
}
