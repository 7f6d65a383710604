/** Keeps the recent exchanges, put together from their events. */

import type { HeaderLine } from "../config/config.ts";
import { redactPath } from "../lib/secret_text.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import type { DetailedObserver, EventContext } from "./detail.ts";
import type { ConductorEvent, ReceivedEvent, RespondedEvent, SettledEvent } from "./events.ts";
import type { AttemptRecord, ExchangeRecord } from "./exchange_record.ts";
import { ExchangeRing, type NewExchange, type RecentExchanges } from "./exchange_ring.ts";
import type { Redaction } from "./redaction.ts";

/** What a recorder is given. */
export interface ExchangeRecorderOptions {
  /** Gives what takes secrets out of header lines; asked for each exchange. */
  readonly redaction: () => Redaction;
  /**
   * How many exchanges are kept.
   *
   * @default {200}
   */
  readonly size?: number;
  /**
   * How many exchanges are recorded in a second; the others leave no trace, so that recording costs next to nothing under
   * load.
   *
   * @default {50}
   */
  readonly maxPerSecond?: number;
  /**
   * Told of each exchange when it is complete.
   *
   * @default Nobody is told.
   */
  readonly onRecord?: (record: ExchangeRecord) => void;
  /**
   * The clock, in milliseconds; it must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/** How many exchanges are kept where nothing else is said. */
export const RECENT_EXCHANGES = 200;
/** How many exchanges are recorded in a second where nothing else is said. */
export const RECORDED_PER_SECOND = 50;
/** How many exchanges may be incomplete at once; the oldest is given up for one more. */
const MAX_OPEN = 200;
/** How long attempts are waited for once the client has its answer: a copy may take as long as it likes. */
const MAX_WAIT_MS = 5_000;
const MAX_PATH_LENGTH = 1_024;
const MAX_METHOD_LENGTH = 32;
const MAX_VALUE_LENGTH = 256;
/** Slightly more text is redacted than shown: a secret that is cut off might not be recognised. */
const MAX_REDACTED_LENGTH = 1_024;
const MAX_LINES = 48;
/** Names and values of all header lines of one message. */
const MAX_HEAD_LENGTH = 4_096;

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

/** A service's part as it grows. */
type AttemptDraft = Changeable<AttemptRecord>;

/** A record as it grows. What comes after it has been listed, such as an answer that breaks off, is still put in. */
interface Draft {
  readonly record: Changeable<Omit<NewExchange, "attempts">> & { readonly attempts: AttemptDraft[] };
  /** How many attempts have started and not settled. */
  unsettled: number;
  /** When the client had its answer, by the recorder's clock; `undefined` until then. */
  answeredMs: number | undefined;
}

/** Observes exchanges, and keeps the recent ones. */
export class ExchangeRecorder {
  readonly #options: ExchangeRecorderOptions;
  readonly #now: () => number;
  readonly #ring: ExchangeRing;
  readonly #bucket: TokenBucket;
  /** By the exchange, as two may have the same id. Held weakly: a record must not keep an exchange's memory. */
  readonly #drafts = new WeakMap<WeakKey, Draft>();
  /** Those that are not complete, the oldest first. */
  readonly #open = new Set<Draft>();

  /**
   * Starts with nothing.
   *
   * @param options What it is given.
   */
  constructor(options: ExchangeRecorderOptions) {
    const { size = RECENT_EXCHANGES, maxPerSecond = RECORDED_PER_SECOND, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#ring = new ExchangeRing(size);
    this.#bucket = new TokenBucket(limitsForRate(maxPerSecond));
  }

  /** The observer to give to the handler. */
  readonly observe: DetailedObserver = (event, detail) => {
    if (detail === undefined || !("requestId" in event)) return;
    if (event.type === "received") return this.#begin(event, detail);
    const draft = this.#drafts.get(detail.exchange);
    if (draft !== undefined) this.#note(draft, event, detail);
  };

  /**
   * Lists what has been completed since.
   *
   * @param id The last id that is known already.
   * @returns The exchanges.
   */
  after(id: number): RecentExchanges {
    this.#sweep(this.#now());
    return this.#ring.after(id);
  }

  #begin({ requestId, route = "" }: ReceivedEvent, { exchange, clientRequest }: EventContext): void {
    const nowMs = this.#now();
    if (clientRequest === undefined || !this.#bucket.tryTake(nowMs)) return;
    this.#sweep(nowMs);
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) this.#give(oldest);
    const draft: Draft = {
      record: {
        requestId,
        timeMs: 0,
        method: cut(clientRequest.method, MAX_METHOD_LENGTH),
        path: cut(redactPath(clientRequest.path.slice(0, MAX_PATH_LENGTH + 1)), MAX_PATH_LENGTH),
        route,
        headers: this.#lines(clientRequest.headers),
        status: 0,
        fallback: false,
        durationMs: 0,
        attempts: [],
      },
      unsettled: 0,
      answeredMs: undefined,
    };
    this.#drafts.set(exchange, draft);
    this.#open.add(draft);
  }

  #note(draft: Draft, event: ConductorEvent, { attempt }: EventContext): void {
    const { record } = draft;
    switch (event.type) {
      case "attempted": {
        const part = partOf(record.attempts, event);
        draft.unsettled++;
        if (event.hedge) part.hedge = true;
        // Where an open breaker stands before it, the attempt is a formality.
        if (part.skipped === undefined) part.startMs = event.atMs;
        return;
      }
      case "skipped":
        partOf(record.attempts, event).skipped = event.reason;
        return;
      case "settled":
        draft.unsettled--;
        settle(partOf(record.attempts, event), event);
        if (attempt?.outcome?.ok) {
          partOf(record.attempts, event).headers = this.#lines(attempt.outcome.response.headers);
        }
        break;
      case "responded":
        draft.answeredMs = this.#now();
        answer(record, event);
        break;
      case "interrupted":
        record.interrupted = event.failure;
        return;
    }
    if (draft.answeredMs !== undefined && draft.unsettled === 0) this.#give(draft);
  }

  /** Puts a draft among the records, where the client had an answer. */
  #give(draft: Draft): void {
    if (!this.#open.delete(draft) || draft.answeredMs === undefined) return;
    const record = this.#ring.add(draft.record);
    this.#options.onRecord?.(record);
  }

  /** Gives up waiting for attempts that take very long. */
  #sweep(nowMs: number): void {
    for (const draft of this.#open) {
      if (draft.answeredMs !== undefined && nowMs - draft.answeredMs > MAX_WAIT_MS) this.#give(draft);
    }
  }

  #lines(lines: readonly HeaderLine[]): HeaderLine[] {
    const redaction = this.#options.redaction();
    const kept: HeaderLine[] = [];
    let left = MAX_HEAD_LENGTH;
    for (const line of lines) {
      const [name, value] = redaction.line(line, MAX_REDACTED_LENGTH);
      const [shownName, shownValue] = [cut(name, MAX_VALUE_LENGTH), cut(value, MAX_VALUE_LENGTH)];
      left -= shownName.length + shownValue.length;
      if (left < 0 || kept.length === MAX_LINES) {
        kept.push(["…", `[${lines.length - kept.length} more lines]`]);
        break;
      }
      kept.push([shownName, shownValue]);
    }
    return kept;
  }
}

function partOf(parts: AttemptDraft[], { service, role }: Pick<SettledEvent, "service" | "role">): AttemptDraft {
  const known = parts.find((part) => part.service === service);
  if (known !== undefined) return known;
  const part: AttemptDraft = { service, role, hedge: false, selected: false };
  parts.push(part);
  return part;
}

function settle(part: AttemptDraft, { success, status, failure, durationMs }: SettledEvent): void {
  part.success = success;
  if (status !== undefined) part.status = status;
  if (failure !== undefined) part.failure = failure;
  if (part.startMs !== undefined) part.endMs = part.startMs + durationMs;
}

function answer(record: Draft["record"], { status, service, fallback, durationMs }: RespondedEvent): void {
  record.timeMs = Math.round(Date.now() - durationMs);
  record.status = status;
  record.fallback = fallback;
  record.durationMs = durationMs;
  if (service === undefined) return;
  record.service = service;
  for (const part of record.attempts) part.selected = part.service === service;
}

/** Cuts a text off, and copies it: a piece of a long text would keep all of that in memory. */
function cut(text: string, maxLength: number): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength - 1).toWellFormed()}…` : text;
  return ` ${shown}`.slice(1);
}
