/** Services under live traffic with trouble: a failing one, an expired certificate, a fallback, and a lossy shadow. */

import { delay } from "@std/async/delay";
import { makeCertificate } from "./certificates.ts";
import { startWatched, type WatchedConductor } from "./cli_process.ts";
import { refusingUrl, startBackend } from "./servers.ts";
import { startTlsBackend } from "./tls_backends.ts";

/** Conductor in front of the services. Their names say what is wrong with them. */
export interface Fleet extends AsyncDisposable {
  readonly conductor: WatchedConductor;
  /** Number of services. */
  readonly services: number;
  /** Number of routes. */
  readonly routes: number;
}

/** Options of {@linkcode openFleet}. */
export interface FleetOptions {
  /** Sizes: 3 services, or 48 services with 200 routes. */
  readonly size: "small" | "large";
  /** Requests per second. Default: 40. */
  readonly perSecond?: number;
}

const LARGE_SERVICES = 48;
const LARGE_ROUTES = 200;

const NAMES = [
  "accounts",
  "addresses",
  "alerts",
  "analytics",
  "assets",
  "audit",
  "basket",
  "billing",
  "catalog",
  "checkout",
  "content",
  "coupons",
  "currency",
  "delivery",
  "devices",
  "email",
  "events",
  "export",
  "feeds",
  "fraud",
  "gifts",
  "images",
  "import",
  "inventory",
  "invoices",
  "jobs",
  "labels",
  "ledger",
  "loyalty",
  "media",
  "notices",
  "offers",
  "orders",
  "partners",
  "pricing",
  "profiles",
  "ratings",
  "refunds",
  "returns",
  "search",
  "sessions",
  "shipping",
] as const; // deno-fmt-ignore

/** Starts backends, conductor and the traffic. */
export async function openFleet({ size, perSecond = 40 }: FleetOptions): Promise<Fleet> {
  await using started = new AsyncDisposableStack();
  const healthy = started.use(startBackend((request) => work(request, 12)));
  const slow = started.use(startBackend((request) => work(request, 700)));
  const failing = started.use(startBackend(() => new Response("no", { status: 500 })));
  const certificate = started.use(await makeCertificate());
  const expired = started.use(startTlsBackend({ ...certificate, cert: await expiredCertificate(certificate.folder) }));
  const tls = { ca: certificate.cert };

  const shop = [
    { name: "shop-v1", url: refusingUrl(), pathPrefix: "/api", primary: true, breaker: true },
    { name: "shop-standby", url: healthy.url, pathPrefix: "/api" },
    { name: "shop-v2", url: slow.url, pathPrefix: "/api", shadow: true, maxInFlight: 2 },
  ];
  const prefixes = (name: string, index: number) => {
    const count = index < LARGE_ROUTES - 1 - 4 * (LARGE_SERVICES - 4) ? 5 : 4;
    return ["", "/items", "/search", "/reports", "/admin"].slice(0, count).map((tail) => `/${name}${tail}`);
  };
  const troubled = [
    { name: "payments", url: expired.url, pathPrefix: prefixes("payments", 0), tls },
    { name: "stock", url: failing.url, pathPrefix: prefixes("stock", 1) },
  ];
  const others = NAMES.map((name, index) => ({ name, url: healthy.url, pathPrefix: prefixes(name, index + 2) }));
  const replica = { name: "orders-next", url: healthy.url, pathPrefix: "/orders", shadow: true };
  const services = size === "small" ? shop : [...shop, ...troubled, ...others, replica];
  const paths = services.flatMap(({ pathPrefix }) => pathPrefix);

  const conductor = started.use(await startWatched(services, { wait: "primary" }));
  const stop = new AbortController();
  const traffic = send(conductor.url, { paths, perSecond, signal: stop.signal });
  started.defer(async () => {
    stop.abort();
    await traffic;
  });
  const owned = started.move();
  return {
    conductor,
    services: services.length,
    routes: new Set(paths).size,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function work({ url }: Request, typicalMs: number): Promise<Response> {
  await delay(typicalMs * (0.6 + 0.8 * Math.random()));
  return Response.json({ path: new URL(url).pathname });
}

/** Returns a certificate for the same key and names that expired yesterday. */
async function expiredCertificate(folder: string): Promise<string> {
  const args = "x509 -in cert.pem -days -1 -signkey key.pem -out expired.pem".split(" ");
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
  if (!success) throw new Error(`Cannot make a certificate: ${new TextDecoder().decode(stderr)}`);
  return await Deno.readTextFile(`${folder}/expired.pem`);
}

/** Sends requests until the signal aborts. The first path gets a third of them. */
async function send(
  url: string,
  { paths, perSecond, signal }: { paths: readonly string[]; perSecond: number; signal: AbortSignal },
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (let tick = 0; !signal.aborted; tick++) {
    const path = tick % 3 === 0 ? paths[0]! : paths[Math.floor(Math.random() ** 1.7 * paths.length)]!;
    const isPost = tick % 11 === 0;
    const request = fetch(`${url}${path}/${tick % 97}`, {
      headers: { "authorization": "Bearer never-shown", "accept": "application/json" },
      ...(isPost && { method: "POST", body: `{"tea":1}` }),
    }).then((response) => response.body?.cancel(), () => {});
    running.add(request);
    request.finally(() => running.delete(request));
    await delay(1_000 / perSecond * (0.6 + 0.8 * Math.random()));
  }
  await Promise.all(running);
}
