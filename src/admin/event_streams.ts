/** Server-sent events: the state once per second, and new exchanges. */

import { BrokenResponseError } from "../upstream/response_body.ts";
import { groupBy } from "../lib/group_by.ts";
import { printableJson } from "../lib/printable.ts";
import type { AdminEventName, AdminSource } from "./api.ts";

/** Interval of state events. They are also the heartbeat of the connection. */
const STATE_EVERY_MS = 1_000;
const EXCHANGES_EVERY_MS = 250;
/** Delay before a disconnected page reconnects. */
const RETRY_MS = 1_000;
/** Maximum bytes queued for one reader. Events above it are not sent to that reader. */
const MAX_QUEUED_BYTES = 262_144;
/** Missed states after which a reader is disconnected, which releases its queue. */
const MAX_MISSED_STATES = 10;
/** Maximum number of readers. */
export const MAX_STREAMS = 32;
/** Maximum number of readers of one client. A browser opens six connections to a host. */
export const MAX_STREAMS_PER_CLIENT = 6;

/** The client of a stream. */
export interface StreamClient {
  /** Network of the client. */
  readonly network: string;
  /** Identity of the client: its session, or its network. */
  readonly name: string;
  /** Reports whether the client may continue to read. Called about once a second. */
  readonly mayContinue: () => boolean;
}

interface Reader {
  readonly client: StreamClient;
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** Highest exchange id sent to the reader. */
  after: number;
  /** True once a state has been sent. */
  isServed: boolean;
  missed: number;
}

/** All readers, and the timers that serve them. Without readers no timer runs. */
export class EventStreams {
  readonly #source: AdminSource;
  readonly #readers = new Set<Reader>();
  readonly #encoder = new TextEncoder();
  #timers: ReturnType<typeof setInterval>[] = [];
  #isReadingExchanges = false;
  #isReadingState = false;

  constructor(source: AdminSource) {
    this.#source = source;
  }

  get count(): number {
    return this.#readers.size;
  }

  /**
   * Adds a reader. If its client has too many streams, the client's oldest ends. If there are too many in total, the
   * oldest stream of the network with the most streams ends, otherwise of the client with the most. Returns `undefined`
   * if neither has more streams than the new reader's. `after` is the highest exchange id that the reader knows.
   */
  open(after: number, client: StreamClient): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (!this.#makeRoom(client)) return undefined;
    let reader: Reader | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        reader = { client, controller, after, isServed: false, missed: 0 };
        controller.enqueue(this.#encoder.encode(`retry: ${RETRY_MS}\n\n`));
        this.#add(reader);
      },
      cancel: () => {
        if (reader !== undefined) this.#remove(reader);
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_QUEUED_BYTES }));
  }

  /** Ends all streams. Pages reconnect. */
  close(): void {
    for (const reader of [...this.#readers]) this.#end(reader);
  }

  /** Ends streams whose client has lost its access. */
  check(): void {
    for (const reader of [...this.#readers]) if (!reader.client.mayContinue()) this.#end(reader);
  }

  #makeRoom({ name, network }: StreamClient): boolean {
    const readers = [...this.#readers];
    const own = readers.filter(({ client }) => client.name === name);
    let victim = own.length >= MAX_STREAMS_PER_CLIENT ? own[0] : undefined;
    if (victim === undefined && readers.length < MAX_STREAMS) return true;
    victim ??= oldestOfLargest(readers, { name: network, of: ({ client }) => client.network }) ??
      oldestOfLargest(readers, { name, of: ({ client }) => client.name });
    if (victim === undefined) return false;
    this.#end(victim);
    return true;
  }

  #end(reader: Reader): void {
    this.#remove(reader);
    // An error drops the queue of a reader that has stopped reading. `close` would keep it until the connection ends.
    if (reader.missed > 0) reader.controller.error(new BrokenResponseError());
    else reader.controller.close();
  }

  #add(reader: Reader): void {
    this.#readers.add(reader);
    if (this.#timers.length === 0) {
      this.#timers = [
        setInterval(() => this.#sendState({ toAll: true }), STATE_EVERY_MS),
        setInterval(() => this.#sendExchanges(), EXCHANGES_EVERY_MS),
      ];
    }
    // Only new readers get a state here: a client that reopens streams must not cause work for every reader.
    this.#sendState({ toAll: false });
    this.#sendExchanges();
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  async #sendState({ toAll }: { readonly toAll: boolean }): Promise<void> {
    this.check();
    if (this.#isReadingState) return;
    this.#isReadingState = true;
    try {
      const state = await this.#source.state();
      const event = this.#encode("state", state);
      for (const reader of [...this.#readers]) if (toAll || !reader.isServed) this.#sendOrMiss(reader, event);
    } catch {
      // The next state follows in a second.
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
      // Readers that keep up have the same last id, so their event is encoded once.
      const events = new Map<number, Uint8Array<ArrayBuffer>>();
      for (const reader of [...this.#readers]) {
        // An id above the last one was assigned before a restart.
        const after = reader.after > last ? 0 : reader.after;
        if (!exchanges.some(({ id }) => id > after) || !hasRoom(reader)) continue;
        const event = events.get(after) ??
          this.#encode("exchanges", { last, exchanges: exchanges.filter(({ id }) => id > after) }, last);
        events.set(after, event);
        reader.controller.enqueue(event);
        reader.after = last;
      }
    } catch {
      // The next timer sends these exchanges.
    } finally {
      this.#isReadingExchanges = false;
    }
  }

  #sendOrMiss(reader: Reader, event: Uint8Array<ArrayBuffer>): void {
    reader.isServed = true;
    if (hasRoom(reader)) {
      reader.missed = 0;
      reader.controller.enqueue(event);
    } else if (++reader.missed > MAX_MISSED_STATES) {
      this.#end(reader);
    }
  }

  /** Encodes an event. `JSON.stringify` emits no line breaks, so one `data` field is enough (HTML §9.2.5). */
  #encode(name: AdminEventName, data: unknown, id?: number): Uint8Array<ArrayBuffer> {
    const numbered = id === undefined ? "" : `id: ${id}\n`;
    return this.#encoder.encode(`event: ${name}\n${numbered}data: ${printableJson(JSON.stringify(data))}\n\n`);
  }
}

/** Returns the oldest reader of the largest group, if that group then still has as many readers as the new reader's. */
function oldestOfLargest(
  readers: readonly Reader[],
  { name, of }: { readonly name: string; readonly of: (reader: Reader) => string },
): Reader | undefined {
  const groups = groupBy(readers, of);
  const [largest] = [...groups.values()].sort((a, b) => b.length - a.length);
  const own = groups.get(name)?.length ?? 0;
  return largest !== undefined && largest.length >= own + 2 ? largest[0] : undefined;
}

function hasRoom({ controller }: Reader): boolean {
  return (controller.desiredSize ?? 0) > 0;
}
