/** Tour of the demo: a few requests, with a drawing of each exchange. */

import type { ExchangeRecord } from "../../observe/exchange_record.ts";
import { printable } from "../../lib/printable.ts";
import type { Paint } from "../../lib/paint.ts";
import { drawExchange } from "./chart.ts";
import type { DemoStage } from "./stage.ts";

/** Options of {@linkcode playTour}. */
export interface TourOptions {
  /** Prints a line. */
  readonly print: (line: string) => void;
  /** Colors of the output. */
  readonly paint: Paint;
  /** Pauses between two requests. */
  readonly pause: () => Promise<unknown>;
}

interface Step {
  readonly title: string;
  readonly text: string;
  readonly path: string;
  readonly order?: string;
  readonly prepare?: (stage: DemoStage) => Promise<unknown>;
}

/** Minimum length of the time axis, so that the charts of fast requests have the same scale. */
const MIN_AXIS_MS = 120;

const MARGIN = "   ";

const STEPS: readonly Step[] = [
  {
    title: "One request goes to all three",
    text: "The client gets the response of blue immediately, without waiting for green or canary.",
    path: "/api/hello",
  },
  {
    title: "Request bodies are mirrored too, and a failing shadow does not affect the client",
    text: "canary fails every second request with 500. The client gets the response of blue.",
    path: "/api/orders",
    order: '{"item":"tea"}',
  },
  {
    title: "blue is stopped: fallback to green",
    text: "If the primary fails, the client gets the first success of a secondary.",
    path: "/api/hello",
    prepare: ({ backends: [blue] }) => blue.stop(),
  },
  {
    title: "All backends are stopped: 502 with the reasons",
    text: "If every service fails, the response lists the failures.",
    path: "/api/hello",
    prepare: ({ backends }) => Promise.all(backends.map((backend) => backend.stop())),
  },
];

/** Plays the tour. All backends are running at its end. */
export async function playTour(stage: DemoStage, options: TourOptions): Promise<void> {
  for (const [index, step] of STEPS.entries()) {
    await options.pause();
    await step.prepare?.(stage);
    await playStep(stage, step, index + 1, options);
  }
  await options.pause();
  const [blue, green, canary] = stage.backends;
  for (const backend of [blue, green, canary]) {
    await backend.stop();
    backend.start();
  }
}

async function playStep(stage: DemoStage, step: Step, number: number, options: TourOptions): Promise<void> {
  const { print, paint } = options;
  const { path, order } = step;
  print(`${paint.strong(`${number}. ${step.title}`)}`);
  print(`${MARGIN}${step.text}`);
  print("");
  print(
    `${MARGIN}${paint.faint("$")} ${
      paint.accent(`curl ${order === undefined ? "" : `-d '${order}' `}${stage.url}${path}`)
    }`,
  );

  const requestId = `demo-${number}`;
  const response = await stage.request(path, {
    headers: { accept: "*/*", "x-request-id": requestId },
    ...(order !== undefined && { method: "POST", body: order }),
  });
  for (const line of (await readBody(response)).split("\n")) print(`${MARGIN}${printable(line)}`);
  print("");
  print(drawRequest(await exchangeOf(stage, requestId), paint));
  print("");
}

/** Skips exchanges of other requests: the user may send some during the tour. */
async function exchangeOf({ exchanges }: DemoStage, requestId: string): Promise<ExchangeRecord> {
  while (true) {
    const exchange = await exchanges.next();
    if (exchange.requestId === requestId) return exchange;
  }
}

async function readBody(response: Response): Promise<string> {
  const text = (await response.text()).trimEnd();
  if (!response.headers.get("content-type")?.includes("json")) return text;
  const innermost = /\{\s+([^{}[\]]*?)\s+\}/g;
  return JSON.stringify(JSON.parse(text), null, 2).replace(
    innermost,
    (_, fields) => `{ ${fields.replace(/\s*\n\s*/g, " ")} }`,
  );
}

/** Draws an exchange below a heading with the request and the response. */
export function drawRequest(exchange: ExchangeRecord, paint: Paint): string {
  const { method, path, status, service, fallback } = exchange;
  const brush = status >= 500 ? paint.bad : fallback ? paint.warn : paint.good;
  const by = service === undefined ? "conductor" : service;
  const heading = `${printable(`${method} ${path}`)} → ${
    brush(`${status} from ${by}${fallback ? " (fallback)" : ""}`)
  }`;
  return `${MARGIN}${heading}\n${drawExchange(exchange, { paint, minAxisMs: MIN_AXIS_MS, margin: MARGIN })}`;
}
