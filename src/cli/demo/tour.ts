/** The demo's story: a handful of requests, and what became of each. */

import type { ExchangeRecord } from "../../observe/exchange_record.ts";
import { printable } from "../../lib/printable.ts";
import type { Paint } from "../../lib/paint.ts";
import { drawExchange } from "./chart.ts";
import type { DemoStage } from "./stage.ts";

/** How the story is told. */
export interface TourOptions {
  /** Prints a line. */
  readonly print: (line: string) => void;
  /** The brushes of the output. */
  readonly paint: Paint;
  /** Waits between two requests, for the reader to catch up. */
  readonly pause: () => Promise<unknown>;
}

interface Step {
  readonly title: string;
  readonly text: string;
  readonly path: string;
  readonly order?: string;
  readonly prepare?: (stage: DemoStage) => Promise<unknown>;
}

/** The time axis that all charts share, unless a request takes longer. */
const MIN_AXIS_MS = 120;

const MARGIN = "   ";

const STEPS: readonly Step[] = [
  {
    title: "One request goes to all three",
    text: "The client gets blue's answer at once; nobody waits for green or canary.",
    path: "/api/hello",
  },
  {
    title: "Bodies are copied too, and a broken shadow hurts nobody",
    text: "canary answers every second request with 500. The client does not notice.",
    path: "/api/orders",
    order: '{"item":"tea"}',
  },
  {
    title: "blue is killed: green stands in",
    text: "Where the primary fails, the first secondary to succeed is the answer.",
    path: "/api/hello",
    prepare: ({ backends: [blue] }) => blue.kill(),
  },
  {
    title: "All three are killed: 502, and why",
    text: "With nobody left to answer, the client learns which service failed, and how.",
    path: "/api/hello",
    prepare: ({ backends }) => Promise.all(backends.map((backend) => backend.kill())),
  },
];

/**
 * Tells the story from the first request to the last, and has every backend up again at its end.
 *
 * @param stage Backends, conductor and client.
 * @param options How the story is told.
 */
export async function playTour(stage: DemoStage, options: TourOptions): Promise<void> {
  for (const [index, step] of STEPS.entries()) {
    await options.pause();
    await step.prepare?.(stage);
    await playStep(stage, step, index + 1, options);
  }
  await options.pause();
  const [blue, green, canary] = stage.backends;
  for (const backend of [blue, green, canary]) {
    await backend.kill();
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

/** Readers may send requests of their own while the story goes on. */
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

/**
 * Draws a request with a heading: what was asked, and who answered.
 *
 * @param exchange The request and its answer.
 * @param paint The brushes of the output.
 * @returns The drawing.
 */
export function drawRequest(exchange: ExchangeRecord, paint: Paint): string {
  const { method, path, status, service, fallback } = exchange;
  const brush = status >= 500 ? paint.bad : fallback ? paint.warn : paint.good;
  const by = service === undefined ? "conductor itself" : service;
  const heading = `${printable(`${method} ${path}`)} → ${
    brush(`${status} from ${by}${fallback ? ", standing in" : ""}`)
  }`;
  return `${MARGIN}${heading}\n${drawExchange(exchange, { paint, minAxisMs: MIN_AXIS_MS, margin: MARGIN })}`;
}
