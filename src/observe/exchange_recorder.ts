/** Records recent exchanges from their events. */

import type { HeaderLine } from "../config/config.ts";
import { redactPath } from "../lib/secret_text.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import type { DetailedObserver, EventContext } from "./observers.ts";
import type { ConductorEvent, FailureDetail, ReceivedEvent, RespondedEvent, SettledEvent } from "./events.ts";
import {
  type AttemptRecord,
  type ExchangeRecord,
  ExchangeRing,
  type NewExchange,
  type RecentExchanges,
} from "./exchange_record.ts";
import type { Redaction } from "./redaction.ts";

/** Options of an {@linkcode ExchangeRecorder}. */
export interface ExchangeRecorderOptions {
  /** Returns the redaction for header lines; called for each message, because a reload may replace it. */
  readonly redaction: () => Redaction;
  /**
   * Maximum exchanges that are kept.
   *
   * @default {200}
   */
  readonly size?: number;
  /**
   * Maximum exchanges recorded per second. Further ones are not recorded, so that recording costs little under load.
   *
   * @default {50}
   */
  readonly maxPerSecond?: number;
  /**
   * Called with each complete exchange.
   *
   * @default none
   */
  readonly onRecord?: (record: ExchangeRecord) => void;
  /**
   * Monotonic clock, in milliseconds.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/** Default of `size`. */
export const RECENT_EXCHANGES = 200;
/** Default of `maxPerSecond`. */
export const RECORDED_PER_SECOND = 50;
/** Maximum incomplete exchanges. A further one publishes or drops the oldest. */
const MAX_INCOMPLETE = 200;
/** Maximum wait for shadow requests after the response, because their own timeout can be long. */
const MAX_WAIT_MS = 5_000;
const MAX_PATH_LENGTH = 1_024;
const MAX_METHOD_LENGTH = 32;
const MAX_VALUE_LENGTH = 256;
/** Longer than the text that is shown: redaction might not recognise a truncated secret. */
const MAX_REDACTED_LENGTH = 1_024;
const MAX_LINES = 48;
/** Maximum characters of all names and values of one message. */
const MAX_HEAD_LENGTH = 4_096;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Part of a service while its attempt is in progress. */
type AttemptDraft = Mutable<AttemptRecord>;

/** Record in progress. Events after its publication, such as an interrupted response, still change it. */
interface Draft {
  readonly record: Mutable<Omit<NewExchange, "attempts">> & { readonly attempts: AttemptDraft[] };
  /** Attempts that have started and not settled. */
  unsettled: number;
  /** Time of the response, by the clock of the recorder; `undefined` until then. */
  respondedMs: number | undefined;
}

/** Observes exchanges and keeps the recent ones. */
export class ExchangeRecorder {
  readonly #options: ExchangeRecorderOptions;
  readonly #now: () => number;
  readonly #ring: ExchangeRing;
  readonly #bucket: TokenBucket;
  /**
   * By exchange, because two may have the same request id. Weak: a record must not retain the memory of an exchange.
   */
  readonly #drafts = new WeakMap<WeakKey, Draft>();
  readonly #harmless = new HarmlessLines();
  /** Incomplete exchanges, the oldest first. */
  readonly #incomplete = new Set<Draft>();

  constructor(options: ExchangeRecorderOptions) {
    const { size = RECENT_EXCHANGES, maxPerSecond = RECORDED_PER_SECOND, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#ring = new ExchangeRing(size);
    this.#bucket = new TokenBucket(limitsForRate(maxPerSecond));
  }

  /** Observer for the handler. */
  readonly observe: DetailedObserver = (event, context) => {
    if (context === undefined || !("requestId" in event)) return;
    if (event.type === "received") return this.#begin(event, context);
    const draft = this.#drafts.get(context.exchange);
    if (draft !== undefined) this.#update(draft, event, context);
  };

  /** Returns the exchanges that were completed after an id. */
  after(id: number): RecentExchanges {
    this.#sweep(this.#now());
    return this.#ring.after(id);
  }

  #begin({ requestId, route = "" }: ReceivedEvent, { exchange, clientRequest }: EventContext): void {
    const nowMs = this.#now();
    if (clientRequest === undefined || !this.#bucket.tryTake(nowMs)) return;
    this.#sweep(nowMs);
    const [oldest] = this.#incomplete;
    if (oldest !== undefined && this.#incomplete.size >= MAX_INCOMPLETE) this.#publish(oldest);
    const draft: Draft = {
      record: {
        requestId,
        timeMs: 0,
        method: truncate(clientRequest.method, MAX_METHOD_LENGTH),
        path: truncate(redactPath(clientRequest.path.slice(0, MAX_PATH_LENGTH + 1)), MAX_PATH_LENGTH),
        route,
        headers: this.#keptHeaders(clientRequest.headers),
        status: 0,
        fallback: false,
        durationMs: 0,
        attempts: [],
      },
      unsettled: 0,
      respondedMs: undefined,
    };
    this.#drafts.set(exchange, draft);
    this.#incomplete.add(draft);
  }

  #update(draft: Draft, event: ConductorEvent, { attempt }: EventContext): void {
    const { record } = draft;
    switch (event.type) {
      case "attempted": {
        const part = partOf(record.attempts, event);
        draft.unsettled++;
        if (event.hedge) part.hedge = true;
        // Attempts that the gate skipped are not sent, so they have no start.
        if (part.skipped === undefined) part.startMs = event.atMs;
        return;
      }
      case "skipped":
        partOf(record.attempts, event).skipped = event.reason;
        return;
      case "settled":
        draft.unsettled--;
        recordOutcome(partOf(record.attempts, event), event);
        if (attempt?.outcome?.ok) {
          partOf(record.attempts, event).headers = this.#keptHeaders(attempt.outcome.response.headers);
        }
        break;
      case "responded":
        draft.respondedMs = this.#now();
        recordResponse(record, event);
        break;
      case "interrupted":
        record.interrupted = event.failure;
        recordDetail(record.attempts.find(({ service }) => service === event.service), event);
        return;
    }
    if (draft.respondedMs !== undefined && draft.unsettled === 0) this.#publish(draft);
  }

  /** Moves a draft to the ring. A draft without a response is dropped. */
  #publish(draft: Draft): void {
    if (!this.#incomplete.delete(draft) || draft.respondedMs === undefined) return;
    const record = this.#ring.add(draft.record);
    this.#options.onRecord?.(record);
  }

  /** Publishes drafts whose shadow requests take too long. */
  #sweep(nowMs: number): void {
    for (const draft of this.#incomplete) {
      if (draft.respondedMs !== undefined && nowMs - draft.respondedMs > MAX_WAIT_MS) this.#publish(draft);
    }
  }

  #keptHeaders(lines: readonly HeaderLine[]): HeaderLine[] {
    const redaction = this.#options.redaction();
    const kept: HeaderLine[] = [];
    let left = MAX_HEAD_LENGTH;
    for (const line of lines) {
      const shown = this.#harmless.find(line, redaction) ?? this.#shownLine(line, redaction);
      left -= shown[0].length + shown[1].length;
      if (left < 0 || kept.length === MAX_LINES) {
        kept.push(["…", `[${lines.length - kept.length} more lines]`]);
        break;
      }
      kept.push(shown);
    }
    return kept;
  }

  #shownLine(line: HeaderLine, redaction: Redaction): HeaderLine {
    const [name, value] = redaction.line(line, MAX_REDACTED_LENGTH);
    const shown: HeaderLine = [truncate(name, MAX_VALUE_LENGTH), truncate(value, MAX_VALUE_LENGTH)];
    if (shown[0] === line[0] && shown[1] === line[1]) this.#harmless.add(shown);
    return shown;
  }
}

/** Maximum names of header fields whose last line is remembered. */
const MAX_HARMLESS = 64;

/**
 * The last line of each field, if it was shown unchanged. Most lines repeat (`Accept`, `User-Agent`, `Content-Type`),
 * and searching a line for secrets costs more than the rest of its recording. Secrets are never remembered.
 */
class HarmlessLines {
  readonly #lines = new Map<string, HeaderLine>();
  /** Redaction that found them harmless. A reload may make them secret. */
  #redaction: Redaction | undefined;

  /** Returns the remembered line if it is the same; otherwise `undefined`. */
  find([name, value]: HeaderLine, redaction: Redaction): HeaderLine | undefined {
    if (redaction !== this.#redaction) this.#lines.clear();
    this.#redaction = redaction;
    const known = this.#lines.get(name);
    return known !== undefined && known[1] === value ? known : undefined;
  }

  /** Remembers a line. */
  add(line: HeaderLine): void {
    if (this.#lines.size < MAX_HARMLESS || this.#lines.has(line[0])) this.#lines.set(line[0], line);
  }
}

function partOf(parts: AttemptDraft[], { service, role }: Pick<SettledEvent, "service" | "role">): AttemptDraft {
  const known = parts.find((part) => part.service === service);
  if (known !== undefined) return known;
  const part: AttemptDraft = { service, role, hedge: false, selected: false };
  parts.push(part);
  return part;
}

function recordOutcome(part: AttemptDraft, { success, status, failure, durationMs, ...detail }: SettledEvent): void {
  part.success = success;
  if (status !== undefined) part.status = status;
  if (failure !== undefined) part.failure = failure;
  recordDetail(part, detail);
  if (part.startMs !== undefined) part.endMs = part.startMs + durationMs;
}

function recordDetail(part: AttemptDraft | undefined, { error, address, cause }: FailureDetail): void {
  if (part === undefined || error === undefined) return;
  part.error = error;
  if (address !== undefined) part.address = address;
  if (cause !== undefined) part.cause = cause;
}

function recordResponse(record: Draft["record"], { status, service, fallback, durationMs }: RespondedEvent): void {
  record.timeMs = Math.round(Date.now() - durationMs);
  record.status = status;
  record.fallback = fallback;
  record.durationMs = durationMs;
  if (service === undefined) return;
  record.service = service;
  for (const part of record.attempts) part.selected = part.service === service;
}

/** Truncates a text and copies it: V8's substrings retain the whole text. */
function truncate(text: string, maxLength: number): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength - 1).toWellFormed()}…` : text;
  return ` ${shown}`.slice(1);
}
