/** Measures peers under one load, in alternating slices. */

import type { LoadGenerator } from "./load_generator.ts";
import type { Load } from "./loads.ts";
import type { Sample } from "./figures.ts";
import type { Peer, RunningPeer } from "./peers/peer.ts";
import { processUsage } from "./process_usage.ts";

/**
 * Requests for which V8 keeps compiling. A busy machine takes longer for them, and figures of a peer that is still being
 * compiled were up to 1.7 times as high.
 */
export const WARM_UP_REQUESTS = 100_000;
/** Limit for loads whose requests take long. */
const MAX_WARM_UP_SLICES = 5;

/** Options of {@linkcode measureLoad}. */
export interface MeasureOptions {
  /** Origins of the backends, the primary's first. */
  readonly origins: readonly string[];
  readonly generator: LoadGenerator;
  /** Slices per peer. */
  readonly slices: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Length of a slice of the warm-up; 0 for no warm-up. */
  readonly warmUpSeconds: number;
  /** Requests of the warm-up per peer. It ends earlier if that takes five slices. */
  readonly warmUpRequests: number;
  /** Aborts the measurement. */
  readonly signal: AbortSignal;
}

/**
 * Measures peers in the order A B C, B C A, and so on, so that other load on the machine affects all of them. Returns
 * the samples of each peer by round. Rejects if a response is wrong or missing, because figures of errors are
 * meaningless.
 */
export async function measureLoad(
  load: Load,
  peers: readonly Peer[],
  options: MeasureOptions,
): Promise<Map<Peer, Sample[]>> {
  const { origins, slices, seconds, warmUpSeconds, warmUpRequests, signal } = options;
  await using stack = new AsyncDisposableStack();
  const running = new Map<Peer, RunningPeer>();
  for (const peer of peers) {
    signal.throwIfAborted();
    const started = stack.use(await peer.start(load, origins));
    running.set(peer, started);
    await withContext(peer, load, () => checkResponse(started.url + load.path, load));
  }
  const measure = (peer: Peer, seconds: number, slice = load) =>
    withContext(peer, load, () => measureSlice(running.get(peer)!, slice, { ...options, seconds }));
  // At full load: at a low rate, V8 would compile during the measurement.
  const warmUp = { ...load, ratePerSecond: undefined };
  for (const peer of warmUpSeconds > 0 ? peers : []) {
    let left = warmUpRequests;
    for (let slice = 0; left > 0 && slice < MAX_WARM_UP_SLICES; slice++) {
      const { requestsPerSecond = 0 } = await measure(peer, warmUpSeconds, warmUp);
      left -= requestsPerSecond * warmUpSeconds;
    }
  }
  const samples = new Map<Peer, Sample[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < slices; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const peer = peers[(round + turn) % peers.length]!;
      samples.get(peer)!.push(await measure(peer, seconds));
    }
  }
  return samples;
}

/** Adds the peer and the load to errors. */
async function withContext<T>(peer: Peer, load: Load, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot measure "${peer.name}" under "${load.name}": ${reason}`, { cause });
  }
}

async function checkResponse(url: string, { responseBytes, bodyBytes }: Load): Promise<void> {
  const init = bodyBytes === 0 ? {} : { method: "POST", body: new Uint8Array(bodyBytes) };
  const response = await fetch(url, init);
  const { length } = await response.bytes();
  if (response.status === 200 && length === responseBytes) return;
  throw new Error(
    `response must have ${responseBytes} bytes: found status ${response.status} with ${length} bytes`,
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
      `all requests must succeed: found ${requests} responses, ${badStatuses} with a bad status, ${socketErrors} socket errors`,
    );
  }
  const times = { requestsPerSecond, p50Ms, p99Ms };
  if (before === undefined || after === undefined) return times;
  const cpuSecondsPer10k = (after.cpuSeconds - before.cpuSeconds) / requests * 10_000;
  return { ...times, cpuSecondsPer10k, rssMib: after.rssMib };
}
