/** `conductor top`: shows the live table of a running conductor, which it reads from the admin listener. */

import type { StateView } from "../admin/api.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { fetchAdmin, isRecord, readTokenFlag } from "./admin_client.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError, UsageError } from "./commands.ts";
import { type Io, writeWarning } from "./io.ts";
import { createLiveTable } from "./top/live_table.ts";
import { printTop, runTop } from "./top/run_top.ts";

/**
 * Shows the table until a signal arrives, and returns 0. Throws a {@linkcode CommandError} if the first state cannot be
 * read. Later, an unreachable listener is a warning: it may restart.
 */
export async function runTopCommand({ flags }: ParsedArgs, io: Io): Promise<number> {
  const { admin } = flags;
  if (admin === undefined) throw new UsageError("`top` needs the admin listener: --admin URL");
  const token = await readTokenFlag(flags);
  const read = () => fetchAdmin(admin, { path: "api/state", subject: "the state", token, isExpected: isState });
  let first: StateView | undefined = await read();
  let hasFailed = false;
  const table = io.hasCursor ? createLiveTable(io.stdout) : undefined;
  const errors = table === undefined ? io.stderr : table.above(io.stderr);

  async function state(): Promise<StateView> {
    try {
      const view = first ?? await read();
      first = undefined;
      hasFailed = false;
      return view;
    } catch (error) {
      if (!hasFailed && error instanceof CommandError) writeWarning({ stderr: errors }, printable(error.message));
      hasFailed = true;
      throw error;
    }
  }

  const signals = io.listenForStop();
  const end = table === undefined
    ? printTop({ state, output: io.stdout })
    : runTop({ state, table, paint: createPaint(true) });
  try {
    await signals.next();
    return 0;
  } finally {
    end();
    signals.close();
  }
}

function isState(body: unknown): body is StateView {
  return isRecord(body) && isRecord(body.metrics) && [body.routes, body.services].every(Array.isArray);
}
