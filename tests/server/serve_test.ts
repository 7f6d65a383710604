import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { ListenError } from "../../src/server/listen_error.ts";
import { serve } from "../../src/server/serve.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("serve() responds with an empty 500 if the handler throws, and reports the error", async () => {
  const reported: unknown[] = [];
  const server = await serve(() => {
    throw new Error("secret detail");
  }, { ...LOOPBACK, onError: (message, error) => reported.push(message, error) });

  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assertEquals(response.status, 500);
  assertEquals(await response.text(), "");
  assertEquals(reported[0], "request failed unexpectedly");
  assertStringIncludes(String(reported[1]), "secret detail");
  await server.shutdown();
});

Deno.test("serve() listens again on the same port after its listener has failed", async () => {
  const reopened = Promise.withResolvers<void>();
  const ports: number[] = [];
  const errors: string[] = [];
  const server = await serve(() => new Response("ok"), {
    ...LOOPBACK,
    onError: (message) => errors.push(message),
    listen: (options, handler) => {
      ports.push(options.port ?? -1);
      // The second attempt to listen fails, as it does without free descriptors.
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

Deno.test("serve() increases its delay while its listener keeps failing", async () => {
  const openedMs: number[] = [];
  const enough = Promise.withResolvers<void>();
  const server = await serve(() => new Response("ok"), {
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
  // Timers may fire a millisecond early.
  for (const [index, leastMs] of [50, 100, 200].entries()) assert(gapsMs[index]! >= leastMs - 2, String(gapsMs));
  await server.shutdown();
});

Deno.test("serve() can be shut down while it waits to listen again", async () => {
  const broken = Promise.withResolvers<void>();
  let opened = 0;
  const server = await serve(() => new Response("ok"), {
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

Deno.test("serve() reports a port in use in one sentence", async () => {
  const other = Deno.serve({ ...LOOPBACK, onListen() {} }, () => new Response());
  const error = await assertRejects(
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
