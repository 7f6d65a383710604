/** Live table of a server: reads the state every second, and draws it. */

import type { StateView } from "../../admin/api.ts";
import { createPaint, type Paint } from "../../lib/paint.ts";
import type { Output } from "../../server/output.ts";
import { drawTop } from "./draw_top.ts";
import type { LiveTable } from "./live_table.ts";

/** Size of a terminal, in characters. */
export interface TerminalSize {
  /** Characters per line. */
  readonly columns: number;
  /** Number of lines. */
  readonly rows: number;
}

/** Options of {@linkcode runTop}. */
export interface TopOptions {
  /** Reads the state of the server. */
  readonly state: () => Promise<StateView>;
  /** Table to draw into. */
  readonly table: LiveTable;
  /** Colors of the terminal. */
  readonly paint: Paint;
  /**
   * Returns the size of the terminal.
   *
   * @default The size of the console; 80 × 24 if it is unknown.
   */
  readonly size?: () => TerminalSize;
}

const INTERVAL_MS = 1_000;
/** A rate needs two views, so curves are one shorter. */
const MAX_VIEWS = 9;
/** Some terminals report no size. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** Options of {@linkcode printTop}. */
export interface PrintTopOptions extends Pick<TopOptions, "state"> {
  /** Output without cursor movements: a file, a pipe or a dumb terminal. */
  readonly output: Output;
}

/** Pause between two printed tables: each one stays in the output. */
const PRINT_INTERVAL_MS = 5_000;
const PRINT_SIZE: TerminalSize = { columns: 120, rows: 1_000 };

/** Starts printing tables as plain lines, each below the previous one. Returns a function that stops it. */
export function printTop({ state, output }: PrintTopOptions): () => void {
  const paint = createPaint(false);
  return repeat(async (views) => {
    const next = [...views, await state()].slice(-MAX_VIEWS);
    const lines = drawTop(next, { ...PRINT_SIZE, paint });
    output.write(
      `${new Date(next.at(-1)!.timeMs).toISOString()}\n${lines.map((line) => line.trimEnd()).join("\n")}\n\n`,
    );
    return next;
  }, PRINT_INTERVAL_MS);
}

/** Starts the live table. Returns a function that stops it; the last lines stay on the terminal. */
export function runTop({ state, table, paint, size = consoleSize }: TopOptions): () => void {
  const stop = repeat(async (views) => {
    const next = [...views, await state()].slice(-MAX_VIEWS);
    const { columns, rows } = size();
    // The cursor needs a line below the table. After a full line, "erase to end of line" would erase its last
    // character.
    table.show(drawTop(next, { columns: columns - 1, rows: rows - 1, paint }));
    return next;
  }, INTERVAL_MS);
  return () => {
    stop();
    table.end();
  };
}

/** Calls a function at once and periodically with the views so far. Returns a function that stops it. */
function repeat(
  show: (views: readonly StateView[]) => Promise<readonly StateView[]>,
  intervalMs: number,
): () => void {
  let views: readonly StateView[] = [];
  let isReading = false;

  async function tick(): Promise<void> {
    // Requests to a server that does not respond must not pile up.
    if (isReading) return;
    isReading = true;
    try {
      views = await show(views);
    } catch {
      // The next tick reads the state again.
    } finally {
      isReading = false;
    }
  }

  tick();
  const timer = setInterval(tick, intervalMs);
  return () => clearInterval(timer);
}

function consoleSize(): TerminalSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  } catch {
    return DEFAULT_SIZE;
  }
}
