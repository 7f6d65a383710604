/** `conductor serve` as a user runs it, with an admin listener to look at it. */

import { type CliProcess, startCli } from "./cli_process.ts";
import { tempConfig } from "./temp_config.ts";

/** A running server, and where it is. */
export interface WatchedConductor extends AsyncDisposable {
  /** Where clients ask. */
  readonly url: string;
  /** Where the dashboard is, with a slash at the end. */
  readonly adminUrl: string;
  readonly process: CliProcess;
}

/** Starts a server; both of its ports are free ones. */
export async function startWatched(services: readonly object[], more: object = {}): Promise<WatchedConductor> {
  const config = { port: 0, hostname: "127.0.0.1", admin: { port: 0 }, ...more, services };
  const file = await tempConfig(JSON.stringify(config));
  const process = startCli(["--config", file.path, "--log-format", "json"]);
  const stop = async () => {
    await process[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  };
  const { stdout, stderr, exited } = process;
  const ended = exited.then(() => Promise.reject(new Error(`Cannot start conductor: ${stderr.text}`)));
  // Nobody may be waiting any more when it ends.
  ended.catch(() => {});
  try {
    const [line] = await Promise.race([stdout.seen(/^.*"admin".*$/m), stderr.seen(/^.*"admin".*$/m), ended]);
    const { url, admin } = JSON.parse(line);
    return { url, adminUrl: admin, process, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
