/** The demo's story: a handful of requests, and what became of each. */

import { printable } from "../../observe/printable.ts";
import type { Paint } from "../../observe/paint.ts";
import { drawTimeline } from "./chart.ts";
import type { DemoStage } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

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
  print(drawRequest(await timelineOf(stage, requestId), paint));
  print("");
}

/** Readers may send requests of their own while the story goes on. */
async function timelineOf({ recorder }: DemoStage, requestId: string): Promise<Timeline> {
  while (true) {
    const timeline = await recorder.next();
    if (timeline.answer.requestId === requestId) return timeline;
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
 * @param timeline The request.
 * @param paint The brushes of the output.
 * @returns The drawing.
 */
export function drawRequest(timeline: Timeline, paint: Paint): string {
  const { method, path, status, service, fallback } = timeline.answer;
  const brush = status >= 500 ? paint.bad : fallback ? paint.warn : paint.good;
  const by = service === undefined ? "conductor itself" : service;
  const heading = `${printable(`${method} ${path}`)} → ${
    brush(`${status} from ${by}${fallback ? ", standing in" : ""}`)
  }`;
  return `${MARGIN}${heading}\n${drawTimeline(timeline, { paint, minAxisMs: MIN_AXIS_MS, margin: MARGIN })}`;
}
