import { assertEquals } from "@std/assert";
import { connect, createServer, type Server, type Socket } from "node:net";
import { AcceptWatch } from "../../src/server/accept_watch.ts";

interface Watched extends AsyncDisposable {
  readonly server: Server;
  readonly watch: AcceptWatch;
  readonly address: { readonly hostname: string; readonly port: number };
  /** Ports that the watch has connected to. */
  readonly ports: number[];
  /** Resolves with the next connection that was identified as a test. */
  readonly tested: Promise<Socket>;
  readonly stopped: Promise<void>;
}

/** Later than the quiet time of a listener. */
const DUE_MS = 3_000;

async function watched(isShared: boolean, onConnection: (socket: Socket) => void): Promise<Watched> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const tested = Promise.withResolvers<Socket>();
  const stopped = Promise.withResolvers<void>();
  const ports: number[] = [];
  const watch = new AcceptWatch({
    address: { hostname: "127.0.0.1", port },
    connect(port, hostname) {
      ports.push(port);
      return connect(port, hostname);
    },
    isShared,
    onTest: tested.resolve,
    onStopped: stopped.resolve,
  });
  return {
    server,
    watch,
    address: { hostname: "127.0.0.1", port },
    ports,
    tested: tested.promise,
    stopped: stopped.promise,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

Deno.test("AcceptWatch identifies its own connection among clients of the same machine", async () => {
  const accepted: { readonly socket: Socket; readonly mayBeTest: boolean }[] = [];
  await using scene = await watched(false, (socket) => {
    accepted.push({ socket, mayBeTest: scene.watch.accepted(socket) });
  });
  using before = await Deno.connect(scene.address);
  const client = Deno.connect(scene.address);
  scene.watch.check(performance.now() + DUE_MS);
  const test = await scene.tested;
  using after = await client;
  assertEquals(accepted.find(({ socket }) => socket === test)?.mayBeTest, true);
  const clientPorts = [before, after].map(({ localAddr }) => localAddr.port);
  assertEquals(clientPorts.includes(test.remotePort ?? 0), false);
  for (const { socket } of accepted) socket.destroy();
});

Deno.test("AcceptWatch reports a listener that does not accept its connection", async () => {
  let reports = true;
  await using scene = await watched(false, (socket) => {
    if (reports) scene.watch.accepted(socket);
    socket.destroy();
  });
  scene.watch.check(performance.now() + DUE_MS);
  await scene.tested;
  reports = false;
  const missed = new Promise<void>((resolve) => scene.server.once("connection", () => resolve()));
  scene.watch.check(performance.now() + 2 * DUE_MS);
  await missed;
  let hasStopped = false;
  scene.stopped.then(() => hasStopped = true);
  for (let turn = 3; !hasStopped; turn++) {
    scene.watch.check(performance.now() + turn * DUE_MS);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(hasStopped, true);
});

Deno.test("AcceptWatch opens no connection to a shared port", async () => {
  let connections = 0;
  await using scene = await watched(true, (socket) => {
    connections++;
    socket.destroy();
  });
  scene.watch.check(performance.now() + DUE_MS);
  assertEquals(scene.ports, [0]);
  using client = await Deno.connect(scene.address);
  assertEquals(await client.read(new Uint8Array(1)), null);
  assertEquals(connections, 1);
});
