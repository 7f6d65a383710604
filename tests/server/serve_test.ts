import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import { logErrorTo } from "../../src/cli/start_log.ts";
import { AsyncQueue } from "../../src/lib/async_queue.ts";
import { drain } from "../../src/server/drain.ts";
import { AttemptsInFlight } from "../../src/server/in_flight.ts";
import { captureUncaughtErrors, silenceLegacyAbortNotice } from "../../src/server/process_hooks.ts";
import { formatAddress, ListenError } from "../../src/server/listen_error.ts";
import { findForbiddenTarget } from "../../src/server/net_access.ts";
import { serve } from "../../src/server/serve.ts";
import { listenForStop } from "../../src/server/signals.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("serve() answers for a handler that throws with a bare 500, and reports the error", async () => {
  const reported: unknown[] = [];
  const server = serve(() => {
    throw new Error("secret detail");
  }, { ...LOOPBACK, onError: (message, error) => reported.push(message, error) });

  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assertEquals(response.status, 500);
  assertEquals(await response.text(), "");
  assertEquals(reported[0], "request failed unexpectedly");
  assertStringIncludes(String(reported[1]), "secret detail");
  await server.shutdown();
});

Deno.test("serve() listens again on the same port after its listener has broken down", async () => {
  const reopened = Promise.withResolvers<void>();
  const ports: number[] = [];
  const errors: string[] = [];
  const server = serve(() => new Response("ok"), {
    ...LOOPBACK,
    onError: (message) => errors.push(message),
    listen: (options, handler) => {
      ports.push(options.port ?? -1);
      // The second attempt to listen fails, as it does while there are no descriptors.
      if (ports.length === 2) throw new Error("Too many open files (os error 24)");
      const real = Deno.serve(options, handler);
      if (ports.length > 1) {
        reopened.resolve();
        return real;
      }
      const finished = real.shutdown().then(() => Promise.reject(new Error("Too many open files (os error 24)")));
      return { ...real, addr: real.addr, finished, shutdown: () => real.shutdown() };
    },
  });
  await reopened.promise;

  assertEquals(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), "ok");
  assertEquals(ports, [0, server.port, server.port]);
  assertEquals(errors, ["listener failed"]);
  await server.shutdown();
});

Deno.test("serve() waits longer each time its listener breaks down again at once", async () => {
  const openedMs: number[] = [];
  const enough = Promise.withResolvers<void>();
  const server = serve(() => new Response("ok"), {
    ...LOOPBACK,
    listen: (options, handler) => {
      const real = Deno.serve(options, handler);
      if (openedMs.push(performance.now()) === 4) {
        enough.resolve();
        return real;
      }
      const finished = real.shutdown().then(() => Promise.reject(new Error("Too many open files (os error 24)")));
      return { ...real, addr: real.addr, finished, shutdown: () => real.shutdown() };
    },
  });
  await enough.promise;
  const gapsMs = openedMs.slice(1).map((ms, index) => ms - openedMs[index]!);
  // Timers may fire a millisecond early against the clock.
  for (const [index, leastMs] of [50, 100, 200].entries()) assert(gapsMs[index]! >= leastMs - 2, String(gapsMs));
  await server.shutdown();
});

Deno.test("serve() can be shut down while it waits to listen again", async () => {
  const broken = Promise.withResolvers<void>();
  let opened = 0;
  const server = serve(() => new Response("ok"), {
    ...LOOPBACK,
    onError: () => broken.resolve(),
    listen: (options, handler) => {
      opened++;
      const real = Deno.serve(options, handler);
      const finished = real.shutdown().then(() => Promise.reject(new Error("broken")));
      return { ...real, addr: real.addr, finished, shutdown: () => real.shutdown() };
    },
  });
  await broken.promise;
  await server.shutdown();
  assertEquals(opened, 1);
});

Deno.test("serve() says in a sentence that a port is taken", async () => {
  const other = Deno.serve({ ...LOOPBACK, onListen() {} }, () => new Response());
  const error = assertThrows(
    () => serve(() => new Response(), { hostname: "127.0.0.1", port: other.addr.port }),
    ListenError,
  );
  assertEquals(error.kind, "in-use");
  assertEquals(
    error.message,
    `Cannot listen on 127.0.0.1:${other.addr.port}: address already in use by another program`,
  );
  await other.shutdown();
});

/** What `Deno.serve` may throw, the port, and how the reason begins. */
const LISTEN_CAUSES: [cause: unknown, port: number, kind: string, reason: string][] = [
  [new Deno.errors.NotCapable(""), 80, "no-permission", "no network permission"],
  [new Deno.errors.PermissionDenied(""), 80, "not-allowed", "permission denied: ports below 1024"],
  [new Deno.errors.PermissionDenied(""), 8080, "not-allowed", "permission denied"],
  [new Deno.errors.AddrNotAvailable(""), 80, "no-such-address", "address not available"],
  [new Error("failed to lookup address information"), 80, "no-such-address", "address not available"],
  [
    new Deno.errors.InvalidData("No keys found"),
    80,
    "bad-certificate",
    "invalid certificate or key: No",
  ],
  [new Error("out of luck"), 80, "other", "out of luck"],
  ["out of luck", 80, "other", "out of luck"],
];

for (const [cause, port, kind, reason] of LISTEN_CAUSES) {
  Deno.test(`ListenError explains ${cause} on port ${port}`, () => {
    const error = new ListenError({ hostname: "::1", port }, cause);
    assertEquals(error.kind, kind);
    assertStringIncludes(error.message, `Cannot listen on [::1]:${port}: ${reason}`);
    assertEquals(error.cause, cause);
  });
}

Deno.test("formatAddress() puts IPv6 addresses into brackets, once", () => {
  assertEquals(formatAddress({ hostname: "::1", port: 1 }), "[::1]:1");
  assertEquals(formatAddress({ hostname: "[::1]", port: 1 }), "[::1]:1");
  assertEquals(formatAddress({ hostname: "localhost", port: 1 }), "localhost:1");
});

Deno.test("silenceLegacyAbortNotice() leaves out that one notice, and no other warning", () => {
  const warnings: unknown[][] = [];
  const target = { warn: (...data: unknown[]) => void warnings.push(data) };
  silenceLegacyAbortNotice(target);
  target.warn("another", 1);
  target.warn("Deno.serve: request.signal aborts on successful responses (legacy behavior). To detect …");
  target.warn("a third");
  assertEquals(warnings, [["another", 1], ["a third"]]);
});

Deno.test("takeStrayErrors() reports what nobody caught, and keeps the process alive", async () => {
  const reported: [string, unknown][] = [];
  const both = Promise.withResolvers<void>();
  const giveBack = captureUncaughtErrors((message, error) => {
    if (reported.push([message, error]) === 2) both.resolve();
  });
  Promise.reject("rejected");
  setTimeout(() => {
    throw "thrown";
  });
  await both.promise;
  giveBack();
  assertEquals(reported.toSorted(), [
    ["error thrown unexpectedly", "thrown"],
    ["promise rejected unexpectedly", "rejected"],
  ]);
});

Deno.test("InFlight counts attempts until all have settled", async () => {
  const about = { requestId: "r", route: "path /", service: "a", role: "shadow" } as const;
  const inFlight = new AttemptsInFlight();
  await inFlight.idle();
  inFlight.observe({ type: "attempted", ...about, atMs: 0, hedge: false });
  inFlight.observe({ type: "attempted", ...about, atMs: 0, hedge: false });
  let isIdle = false;
  const idle = inFlight.idle().then(() => isIdle = true);
  inFlight.observe({ type: "settled", ...about, success: true, status: 200, durationMs: 1 });
  await Promise.resolve();
  assertEquals([inFlight.count, isIdle], [1, false]);
  inFlight.observe({ type: "settled", ...about, success: true, status: 200, durationMs: 1 });
  await idle;
  assertEquals(inFlight.count, 0);
});

Deno.test("drain() tells what ended the waiting", async () => {
  const never = new Promise<never>(() => {});
  const done = Promise.resolve();
  assertEquals(await drain(done, { timeoutMs: 60_000, interruption: never }), "finished");
  assertEquals(await drain(never, { timeoutMs: 60_000, interruption: done }), "interrupted");
  assertEquals(await drain(never, { timeoutMs: 1, interruption: never }), "timed-out");
  await assertRejects(() => drain(Promise.reject(new Error("bug")), { timeoutMs: 60_000, interruption: never }), "bug");
});

Deno.test("Arrivals hands values over in order, whoever comes first", async () => {
  const arrivals = new AsyncQueue<number>();
  const first = arrivals.next();
  arrivals.push(1);
  arrivals.push(2);
  arrivals.push(3);
  assertEquals([await first, await arrivals.next(), await arrivals.next()], [1, 2, 3]);
});

Deno.test({
  name: "listenForStop() hears SIGTERM",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const signals = listenForStop();
    // A signal listener alone does not keep the event loop going.
    const timer = setInterval(() => {}, 1_000);
    Deno.kill(Deno.pid, "SIGTERM");
    assertEquals(await signals.next(), "SIGTERM");
    signals.close();
    clearInterval(timer);
  },
});

Deno.test({
  name: "findForbiddenTarget() names the first backend that may not be reached, with the port of its scheme",
  permissions: { net: ["allowed.example:80", "allowed.example:8080"] },
  fn: () => {
    const targets = ["http://allowed.example", "http://allowed.example:8080", "https://allowed.example"].map((
      origin,
    ) => ({
      origin,
    }));
    assertEquals(findForbiddenTarget(targets.slice(0, 2)), undefined);
    const forbidden = findForbiddenTarget(targets);
    assert(forbidden !== undefined);
    assertEquals(forbidden.host, "allowed.example:443");
    assertEquals(forbidden.target, targets[2]);
  },
});

Deno.test("logErrorTo() writes the place of an error, and no content of a request", () => {
  const lines: unknown[][] = [];
  const onError = logErrorTo(() => ({ log: (...line) => lines.push(line), observe: () => {} }));
  const errors = [
    () => new URL("http://[/?token=s3cr3t"),
    () => new Headers([["a", "s3cr3t\nhttp://a/?b"]]),
    () => {
      throw new TypeError("s3cr3t\n    at s3cr3t (file:///s3cr3t.ts:1:1)");
    },
  ];
  for (const fail of errors) {
    try {
      fail();
    } catch (error) {
      onError("request failed unexpectedly", error);
    }
  }
  onError("error thrown unexpectedly", "s3cr3t");
  onError("listener failed", new Error("Too many open files (os error 24)"));
  assertEquals(lines.length, 5);
  assertNotMatch(JSON.stringify(lines), /s3cr3t/);
  for (const [level, , fields] of lines.slice(0, 3)) {
    assertEquals(level, "error");
    assertMatch((fields as { error: string }).error, /^TypeError\n {4}at .*serve_test\.ts/s);
  }
  assertEquals(lines[4]?.[2], { error: "Error: Too many open files (os error 24)" });
});
