import { assertEquals } from "@std/assert";

import { serve } from "../../src/server/serve.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { type LoadOptions, startLoad } from "../_support/keep_alive_load.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

const ROUNDS = 3;

/** Kinds of load: pauses of the clients, and durations of requests. */
const LOADS: readonly [name: string, thinkMs: () => number, serviceMs: () => number][] = [
  ["without pauses", () => 0, () => 0],
  ["with slow responses", () => 0, () => 5 + 20 * Math.random()],
  ["with pauses", () => 30 * Math.random(), () => 5 * Math.random()],
];

function respondAfter(serviceMs: () => number): () => Promise<Response> {
  return async () => {
    const ms = serviceMs();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    return new Response("ok");
  };
}

for (const [name, thinkMs, serviceMs] of LOADS) {
  Deno.test(`shutdown() loses no request of keep-alive connections, clients ${name}`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await serve(respondAfter(serviceMs), LOOPBACK);
      const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const load = startLoad({ clients: 8, connect, thinkMs });
      await load.until(50);
      await server.shutdown();
      await load.stop();
      assertEquals({ lost: load.lost, failed: load.failed }, { lost: 0, failed: 0 }, `round ${round}`);
    }
  });

  Deno.test({
    name: `relisten() loses no request of keep-alive connections, clients ${name}`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using first = await makeCertificate();
      await using second = await makeCertificate();
      const pairs = [first, second].map(({ cert, key }) => ({ cert, key }));
      const server = await serve(respondAfter(serviceMs), { ...LOOPBACK, tls: pairs[0] });
      const caCerts = pairs.map(({ cert }) => cert);
      const connect: LoadOptions["connect"] = async () => {
        const connection = await Deno.connectTls({
          hostname: "localhost",
          port: server.port,
          caCerts,
          alpnProtocols: ["http/1.1"],
        });
        await connection.handshake();
        return connection;
      };
      const load = startLoad({ clients: 8, connect, thinkMs });
      for (let round = 1; round <= ROUNDS; round++) {
        await load.until(load.completed + 50);
        await server.relisten({ hostname: "127.0.0.1", tls: pairs[round % 2] });
      }
      await load.stop();
      await server.shutdown();
      assertEquals({ lost: load.lost, failed: load.failed }, { lost: 0, failed: 0 });
    },
  });
}
