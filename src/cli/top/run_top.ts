/** Reads a server's state once a second, and shows it. */

import type { StateView } from "../../admin/api.ts";
import type { Paint } from "../../lib/paint.ts";
import { drawTop } from "./draw_top.ts";
import type { LiveTable } from "./live_table.ts";

/** What is shown, and where. */
export interface TopOptions {
  /** Reads the state. */
  readonly state: () => Promise<StateView>;
  /** Where it is shown. */
  readonly table: LiveTable;
  /** The brushes of the terminal. */
  readonly paint: Paint;
  /** Tells how much room the terminal has. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** How often the state is read, in milliseconds. */
const EVERY_MS = 1_000;
/** One more than the curves are long. */
const KEPT_VIEWS = 9;

/**
 * Starts to show a server's state.
 *
 * @param options What is shown, and where.
 * @returns Ends it; the table stays as it was last.
 */
export function runTop({ state, table, paint, size }: TopOptions): () => void {
  let views: readonly StateView[] = [];
  let isReading = false;

  async function tick(): Promise<void> {
    // A worker that does not answer must not pile up questions.
    if (isReading) return;
    isReading = true;
    try {
      views = [...views, await state()].slice(-KEPT_VIEWS);
      const { columns, rows } = size();
      // The cursor needs a line of its own below, and where a line is full, erasing what follows takes its end too.
      table.show(drawTop(views, { columns: columns - 1, rows: rows - 1, paint }));
    } catch {
      // What can not be read now may be a second later.
    } finally {
      isReading = false;
    }
  }

  tick();
  const timer = setInterval(tick, EVERY_MS);
  return () => {
    clearInterval(timer);
    table.end();
  };
}
