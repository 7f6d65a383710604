/** Answers that come when the test wants them. */

/** A backend whose answers wait until the test lets them go. */
export interface SlowBackend extends AsyncDisposable {
  readonly url: string;
  /** Resolves when this many requests have arrived. */
  received(count: number): Promise<void>;
  release(): void;
}

/** Starts a backend that answers `finished`, all at once, after `release()`. */
export function startSlowBackend(): SlowBackend {
  const released = Promise.withResolvers<void>();
  let count = 0;
  let changed = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    count++;
    changed.resolve();
    changed = Promise.withResolvers();
    await released.promise;
    return new Response("finished");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    received: async (expected) => {
      while (count < expected) await changed.promise;
    },
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      await server.shutdown();
    },
  };
}
