/** Server-sent events: what is new, for as long as somebody reads. */

import { BrokenResponseError } from "../exchange/response_body.ts";
import { printableJson } from "../observe/printable.ts";
import type { AdminEventName } from "./api.ts";
import type { AdminSource } from "./source.ts";

/** How often the state is sent; it tells a page that the server is there, too. */
const STATE_EVERY_MS = 1_000;
const EXCHANGES_EVERY_MS = 250;
/** How soon a page comes back. */
const RETRY_MS = 1_000;
/** Events that may wait for one reader; a slower one gets fewer of them. */
const MAX_WAITING_BYTES = 262_144;
/** A reader that has taken nothing for so many states is cut off. */
const MAX_MISSED_STATES = 30;
/** How many may read at once. */
export const MAX_STREAMS = 16;

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** The highest id that it has been sent. */
  after: number;
  missed: number;
}

/** All readers, and the timers that serve them: with nobody there is none. */
export class EventStreams {
  readonly #source: AdminSource;
  readonly #readers = new Set<Reader>();
  readonly #encoder = new TextEncoder();
  #timers: ReturnType<typeof setInterval>[] = [];
  #isReadingExchanges = false;
  #isReadingState = false;

  /**
   * Waits for readers.
   *
   * @param source Where everything comes from.
   */
  constructor(source: AdminSource) {
    this.#source = source;
  }

  /** How many are reading. */
  get count(): number {
    return this.#readers.size;
  }

  /**
   * Starts to tell one more reader.
   *
   * @param after The highest id of an exchange that it knows.
   * @returns The events; `undefined` where too many are reading already.
   */
  open(after: number): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#readers.size >= MAX_STREAMS) return undefined;
    let reader: Reader | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        reader = { controller, after, missed: 0 };
        controller.enqueue(this.#encoder.encode(`retry: ${RETRY_MS}\n\n`));
        this.#add(reader);
      },
      cancel: () => {
        if (reader !== undefined) this.#remove(reader);
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }));
  }

  /** Ends all streams; pages come back where there is a listener. */
  close(): void {
    for (const reader of [...this.#readers]) {
      this.#remove(reader);
      reader.controller.close();
    }
  }

  #add(reader: Reader): void {
    this.#readers.add(reader);
    if (this.#timers.length === 0) {
      this.#timers = [
        setInterval(() => this.#sendState(), STATE_EVERY_MS),
        setInterval(() => this.#sendExchanges(), EXCHANGES_EVERY_MS),
      ];
    }
    this.#sendState();
    this.#sendExchanges();
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  async #sendState(): Promise<void> {
    if (this.#isReadingState) return;
    this.#isReadingState = true;
    try {
      const state = await this.#source.state();
      const event = this.#encode("state", state);
      for (const reader of [...this.#readers]) this.#sendOrMiss(reader, event);
    } catch {
      // The next one comes in a second.
    } finally {
      this.#isReadingState = false;
    }
  }

  async #sendExchanges(): Promise<void> {
    if (this.#isReadingExchanges) return;
    this.#isReadingExchanges = true;
    try {
      const known = Math.min(...[...this.#readers].map(({ after }) => after));
      const { last, exchanges } = await this.#source.exchanges(known);
      for (const reader of [...this.#readers]) {
        // An id that was never given comes from before a restart.
        const after = reader.after > last ? 0 : reader.after;
        const fresh = exchanges.filter(({ id }) => id > after);
        if (fresh.length === 0 || !hasRoom(reader)) continue;
        reader.controller.enqueue(this.#encode("exchanges", { last, exchanges: fresh }, last));
        reader.after = last;
      }
    } catch {
      // What has not been sent is sent next time.
    } finally {
      this.#isReadingExchanges = false;
    }
  }

  #sendOrMiss(reader: Reader, event: Uint8Array<ArrayBuffer>): void {
    if (hasRoom(reader)) {
      reader.missed = 0;
      reader.controller.enqueue(event);
    } else if (++reader.missed > MAX_MISSED_STATES) {
      this.#remove(reader);
      reader.controller.error(new BrokenResponseError());
    }
  }

  /** `JSON.stringify` breaks no line, so one field holds it (HTML §9.2.5). */
  #encode(name: AdminEventName, data: unknown, id?: number): Uint8Array<ArrayBuffer> {
    const numbered = id === undefined ? "" : `id: ${id}\n`;
    return this.#encoder.encode(`event: ${name}\n${numbered}data: ${printableJson(JSON.stringify(data))}\n\n`);
  }
}

function hasRoom({ controller }: Reader): boolean {
  return (controller.desiredSize ?? 0) > 0;
}
