/** Measures peers under one load, in slices that take turns. */

import type { LoadGenerator } from "./load_generator.ts";
import type { Load } from "./loads.ts";
import type { Sample } from "./metrics.ts";
import type { Peer, RunningPeer } from "./peers/peer.ts";
import { processUsage } from "./process_usage.ts";

/** How measuring is done. */
export interface MeasureOptions {
  /** The origins of the backends, the primary's first. */
  readonly origins: readonly string[];
  /** What loads the peers. */
  readonly generator: LoadGenerator;
  /** How many slices each peer gets. */
  readonly slices: number;
  /** How long a slice is. */
  readonly seconds: number;
  /** How long each peer is loaded beforehand, unmeasured; with 0 it is not. */
  readonly warmUpSeconds: number;
  /** Breaks off. */
  readonly signal: AbortSignal;
}

/**
 * Measures peers: A B C, then B C A, and so on, so that whatever else the machine does meets all of them.
 *
 * @param load The load.
 * @param peers Peers that can bear it.
 * @param options How it is done.
 * @returns The samples of each peer, by round.
 * @throws {Error} If an answer is wrong or missing: figures of errors say nothing.
 */
export async function measureLoad(
  load: Load,
  peers: readonly Peer[],
  options: MeasureOptions,
): Promise<Map<Peer, Sample[]>> {
  const { origins, slices, seconds, warmUpSeconds, signal } = options;
  await using stack = new AsyncDisposableStack();
  const running = new Map<Peer, RunningPeer>();
  for (const peer of peers) {
    signal.throwIfAborted();
    const started = stack.use(await peer.start(load, origins));
    running.set(peer, started);
    await named(peer, load, () => checkAnswer(started.url + load.path, load));
  }
  const measure = (peer: Peer, length: number) =>
    named(peer, load, () => measureSlice(running.get(peer)!, load, { ...options, seconds: length }));
  if (warmUpSeconds > 0) { for (const peer of peers) await measure(peer, warmUpSeconds); }
  const samples = new Map<Peer, Sample[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < slices; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const peer = peers[(round + turn) % peers.length]!;
      samples.get(peer)!.push(await measure(peer, seconds));
    }
  }
  return samples;
}

/** Whoever reads a failure wants to know first of whom it is. */
async function named<T>(peer: Peer, load: Load, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot measure "${peer.name}" under "${load.name}" as ${reason}`, { cause });
  }
}

async function checkAnswer(url: string, { answerBytes, bodyBytes }: Load): Promise<void> {
  const init = bodyBytes === 0 ? {} : { method: "POST", body: new Uint8Array(bodyBytes) };
  const response = await fetch(url, init);
  const { length } = await response.bytes();
  if (response.status === 200 && length === answerBytes) return;
  throw new Error(
    `an answer of ${answerBytes} bytes is needed: status ${response.status} with ${length} bytes came`,
  );
}

async function measureSlice({ url, pid }: RunningPeer, load: Load, options: MeasureOptions): Promise<Sample> {
  const { generator, seconds, signal } = options;
  const before = pid === undefined ? undefined : await processUsage(pid);
  const result = await generator.run({ origin: url, load, seconds, signal });
  const after = pid === undefined ? undefined : await processUsage(pid);
  const { requests, requestsPerSecond, p50Ms, p99Ms, badStatuses, socketErrors } = result;
  if (badStatuses + socketErrors > 0 || requests === 0) {
    throw new Error(
      `all requests must succeed: ${requests} answers, ${badStatuses} with a bad status, ${socketErrors} socket errors`,
    );
  }
  const times = { requestsPerSecond, p50Ms, p99Ms };
  if (before === undefined || after === undefined) return times;
  const cpuSecondsPer10k = (after.cpuSeconds - before.cpuSeconds) / requests * 10_000;
  return { ...times, cpuSecondsPer10k, rssMib: after.rssMib };
}
