/**
 * Takes the screenshots of the dashboard for README.md and docs/, of a running conductor with a minute of real traffic.
 * `deno task screenshots comparison` takes only the screenshots of the comparison; `traffic` and `fleet` take the others.
 */

import { delay } from "@std/async/delay";
import { type Browser, launchBrowser } from "../tests/_support/browser.ts";
import { openFleet } from "../tests/_support/fleet.ts";
import { type Backend, startBackend } from "../tests/_support/servers.ts";
import { startWatched, type WatchedConductor } from "../tests/_support/cli_process.ts";
import { takeComparisonPictures } from "./comparison_pictures.ts";
import { openWindow, type Picture, writePicture } from "./picture.ts";

/** Minimum time span that the charts show. */
const TRAFFIC_MS = 66_000;

interface Part {
  readonly name: string;
  /** Typical response time in milliseconds. */
  readonly workMs: number;
  /** Ratio of responses with 503, 0 to 1. */
  readonly errors: number;
}

const PARTS: readonly Part[] = [
  { name: "shop-v1", workMs: 17, errors: 0 },
  { name: "shop-standby", workMs: 23, errors: 0 },
  { name: "shop-v2", workMs: 30, errors: 0.05 },
  { name: "search", workMs: 42, errors: 0 },
  { name: "search-next", workMs: 26, errors: 0 },
  { name: "web", workMs: 7, errors: 0 },
];

/** Requests of the clients, with their rates per second. */
const DEMAND: readonly { readonly perSecond: number; readonly requests: readonly (readonly [string, string])[] }[] = [
  {
    perSecond: 23,
    requests: [["GET", "/api/cart"], ["GET", "/api/products/71"], ["GET", "/api/orders/48213"], ["POST", "/api/cart"]],
  },
  { perSecond: 5, requests: [["GET", "/api/search?q=tea"], ["GET", "/api/search/suggest?q=t"]] },
  { perSecond: 8, requests: [["GET", "/"], ["GET", "/products/71"], ["GET", "/about"]] },
];

/** Last requests, which appear at the top of the list: a few of each kind, and one with a fallback. */
const FAILING_PATH = "/api/orders/48213";
const FINALE = [
  ["POST", "/api/cart"],
  ["GET", "/products/71"],
  ["GET", "/api/products/71"],
  ["GET", FAILING_PATH],
  ["GET", "/api/search/popular"],
] as const;

/** Makes the shop's primary fail its next request, so that the list shows a fallback. */
let primaryFailsNext = false;

async function work({ name, workMs, errors }: Part): Promise<Response> {
  const isSlow = Math.random() < 0.03;
  await delay(workMs * (0.7 + 0.6 * Math.random() + (isSlow ? 3 * Math.random() : 0)));
  const fails = Math.random() < errors || (name === "shop-v1" && primaryFailsNext);
  if (name === "shop-v1") primaryFailsNext = false;
  const headers = { "content-type": "application/json", "server": name, "set-cookie": "session=never-shown" };
  return new Response(JSON.stringify({ from: name }), { status: fails ? 503 : 200, headers });
}

function servicesOf(backends: readonly Backend[]): object[] {
  const [v1, standby, v2, search, next, web] = backends.map(({ url }, index) => ({ name: PARTS[index]!.name, url }));
  return [
    { ...v1, pathPrefix: "/api", primary: true, breaker: true },
    { ...standby, pathPrefix: "/api" },
    { ...v2, pathPrefix: "/api", shadow: true, methods: ["GET"] },
    { ...search, pathPrefix: "/api/search", primary: true },
    { ...next, pathPrefix: "/api/search", shadow: true, sample: 0.5 },
    { ...web, path: "/", primary: true },
  ];
}

/** Sends requests at a rate that varies a little, until the signal aborts. */
async function sendTraffic({ url }: WatchedConductor, signal: AbortSignal): Promise<void> {
  const running = new Set<Promise<unknown>>();
  const owed = DEMAND.map(() => 0);
  for (let tick = 0; !signal.aborted; tick++) {
    for (const [index, { perSecond, requests }] of DEMAND.entries()) {
      owed[index]! += perSecond / 20 * (1 + 0.3 * Math.sin(tick / 150 + index));
      for (; owed[index]! >= 1; owed[index]!--) {
        const [method, path] = requests[Math.floor(Math.random() * requests.length)]!;
        const request = send(url + path, method);
        running.add(request);
        request.finally(() => running.delete(request));
      }
    }
    await delay(50 * (0.6 + 0.8 * Math.random()));
  }
  await Promise.all(running);
}

async function send(url: string, method: string): Promise<void> {
  const headers = { "authorization": "Bearer never-shown", "accept": "application/json" };
  const response = await fetch(url, { method, headers, ...(method === "POST" && { body: `{"tea":1}` }) });
  await response.body?.cancel();
}

const PICTURES: readonly Picture[] = [
  { file: "dashboard-light.png", scheme: "light", width: 1280, height: 1500, scale: 1.25 },
  { file: "dashboard-dark.png", scheme: "dark", width: 1280, height: 1500, scale: 1.25 },
  { file: "dashboard-phone.png", scheme: "light", width: 390, height: 844, scale: 2 },
];

async function takePictures(
  browser: Browser,
  { url, adminUrl }: WatchedConductor,
  stopTraffic: () => Promise<void>,
): Promise<void> {
  const pages = await Promise.all(PICTURES.map(async (picture) => {
    const page = await openWindow(browser, picture);
    await page.goto(adminUrl);
    return page;
  }));
  await delay(TRAFFIC_MS);
  await stopTraffic();
  for (const [method, path] of FINALE) {
    primaryFailsNext = path === FAILING_PATH;
    await send(url + path, method);
  }
  const [, lastPath] = FINALE.at(-1)!;
  await Promise.all(pages.map((page) => page.locator(".exchange:first-child", { hasText: lastPath }).waitFor()));
  const taken = await Promise.all(pages.map((page) => page.screenshot({ animations: "disabled" })));
  for (const [index, { file }] of PICTURES.entries()) {
    await writePicture(file, taken[index]!);
  }
}

/** Takes the screenshots of normal traffic. */
async function takeTrafficPictures(browser: Browser): Promise<void> {
  const backends = PARTS.map((part) => startBackend(() => work(part)));
  const stop = new AbortController();
  try {
    await using conductor = await startWatched(servicesOf(backends), { wait: "primary" });
    const traffic = sendTraffic(conductor, stop.signal);
    const stopTraffic = async () => {
      stop.abort();
      await traffic;
    };
    try {
      await takePictures(browser, conductor, stopTraffic);
    } finally {
      await stopTraffic();
    }
  } finally {
    await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
  }
}

/** Takes the screenshot of 48 services, some of them in trouble. */
async function takeFleetPicture(browser: Browser): Promise<void> {
  await using fleet = await openFleet({ size: "large", perSecond: 60 });
  const picture = { file: "dashboard-fleet.png", scheme: "light", width: 1280, height: 800, scale: 1.25 } as const;
  const page = await openWindow(browser, picture);
  await page.goto(fleet.conductor.adminUrl);
  await delay(TRAFFIC_MS);
  await writePicture(picture.file, await page.screenshot({ animations: "disabled" }));
}

if (import.meta.main) {
  const views = Deno.args.length === 0 ? ["traffic", "fleet", "comparison"] : Deno.args;
  const browser = await launchBrowser();
  try {
    if (views.includes("traffic")) await takeTrafficPictures(browser);
    if (views.includes("fleet")) await takeFleetPicture(browser);
    if (views.includes("comparison")) await takeComparisonPictures(browser);
  } finally {
    await browser.close();
  }
}
