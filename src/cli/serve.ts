/** `conductor serve`: listen until told to stop. */

import type { Config } from "../config/config.ts";
import type { Logger } from "../observe/log.ts";
import { createPaint } from "../lib/paint.ts";
import { drain } from "../server/drain.ts";
import { captureUncaughtErrors, silenceLegacyAbortNotice } from "../server/process_hooks.ts";
import { formatAddress } from "../server/listen_error.ts";
import { findForbiddenTarget } from "../server/net_access.ts";
import { SIGNAL_EXIT_CODES, type Signals, type StopSignal } from "../server/signals.ts";
import type { WorkerPool } from "../server/worker_pool.ts";
import { AdminListener } from "./admin_listener.ts";
import { createAdminSource } from "./admin_source.ts";
import { openConfig } from "./config_file.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { logErrorTo } from "./log_error.ts";
import { keepReloading, type Reloading } from "./reload.ts";
import { serveThread, type Serving } from "./serve_thread.ts";
import { serveWorkers } from "./serve_workers.ts";
import { startLog } from "./start_log.ts";
import { createLiveTable } from "./top/live_table.ts";
import { runTop } from "./top/run_top.ts";
import { showsTop } from "./top/shows_top.ts";
import { terminalSize } from "./top/terminal_size.ts";
import { CommandError } from "./usage_error.ts";

/** How long the last lines of workers may take: a log reader that has stopped must not keep the process from ending. */
const FLUSH_TIMEOUT_MS = 2_000;
/** How long the answers of the admin listener may take once everything else has ended. */
const ADMIN_TIMEOUT_MS = 1_000;

/**
 * Serves a configuration until a signal arrives and what is in flight has finished.
 *
 * @param invocation The command line.
 * @param terminal The outputs and signals.
 * @returns The exit code: 0, or 130 and 143 where a second signal cut the shutdown short.
 * @throws {CommandError} Where the configuration can not be used.
 * @throws {ListenError} Where the address can not be listened on.
 */
export async function runServe(invocation: ParsedArgs, terminal: Io): Promise<number> {
  const table = showsTop(invocation, terminal) ? createLiveTable(terminal.stdout) : undefined;
  const io = table === undefined
    ? terminal
    : { ...terminal, stdout: table.above(terminal.stdout), stderr: table.above(terminal.stderr) };
  const file = await openConfig(invocation, io);
  const settle = (config: Config): Config => {
    const { port = config.port, host: hostname = config.hostname } = invocation;
    return { ...config, port, hostname, shownHostname: invocation.host ?? config.shownHostname };
  };
  let { logger, announce } = startLog(file.config, invocation, io);
  const onError = logErrorTo(() => logger);
  requireNetAccess(file.config, { prompt: true });
  silenceLegacyAbortNotice();

  const workers = invocation.workers === 1
    ? undefined
    : await serveWorkers(settle(file.config), { invocation, io, logger: () => logger });
  const counts = table !== undefined;
  const server = workers ?? serveThread(settle(file.config), { logger: () => logger, onError, counts });
  let isDraining = false;
  const source = createAdminSource(server, {
    url: () => urlOf(server),
    isDraining: () => isDraining,
    workers: () => ({ count: invocation.workers, crashes: workers?.crashes ?? 0 }),
  });
  const admin = new AdminListener({
    source,
    onError,
    onGuesses: (report) => logger.log("warn", "wrong tokens on the admin listener", { ...report }),
    onReopen: () => logger.log("info", "admin listener is back"),
  });
  try {
    await admin.prepare(server.config.admin).commit();
  } catch (error) {
    await server.shutdown();
    workers?.end();
    throw error;
  }
  const giveBackErrors = captureUncaughtErrors(onError);
  const signals = io.listenForStop();
  const reloading = keepReloading({
    ...file,
    watch: invocation.switches.has("watch"),
    signals: io.listenForReload(),
    logger: () => logger,
    apply: async (config) => {
      requireNetAccess(config, { prompt: false });
      const before = [urlOf(server), admin.url];
      const prepared = admin.prepare(config.admin);
      try {
        await server.apply(settle(config));
      } catch (error) {
        await prepared.rollback();
        throw error;
      }
      await prepared.commit();
      ({ logger, announce } = startLog(config, invocation, io));
      if (urlOf(server) !== before[0] || admin.url !== before[1]) announce(urlOf(server), admin.url);
    },
  });
  let endTop = () => {};
  try {
    announce(urlOf(server), admin.url);
    if (table !== undefined) {
      endTop = runTop({ state: () => source.state(), table, paint: createPaint(true), size: terminalSize });
    }
    const onDrain = () => isDraining = true;
    return await stop(server, { workers, signals, reloading, onDrain, logger: () => logger });
  } finally {
    // It tells of the others to the end.
    await drain(admin.shutdown(), { timeoutMs: ADMIN_TIMEOUT_MS });
    endTop();
    workers?.end();
    signals.close();
    reloading.close();
    giveBackErrors();
  }
}

interface StopParts {
  readonly workers: WorkerPool | undefined;
  readonly signals: Signals<StopSignal>;
  readonly reloading: Reloading;
  readonly onDrain: () => void;
  readonly logger: () => Logger;
}

async function stop(server: Serving, { workers, signals, reloading, ...parts }: StopParts): Promise<number> {
  const signal = await signals.next();
  reloading.close();
  parts.onDrain();
  const logger = parts.logger();
  const timeoutMs = server.config.shutdownTimeoutMs;
  logger.log("info", "stopping: no new requests, what is in flight may finish", { signal, timeoutMs });
  const second = signals.next();
  const end = await drain(server.shutdown(), { timeoutMs, interruption: second });
  const attempts = server.attemptsInFlight;
  if (workers !== undefined) await drain(workers.flush(), { timeoutMs: FLUSH_TIMEOUT_MS });
  if (end === "finished") logger.log("info", "stopped");
  else logger.log("warn", `stopped before everything in flight had finished: ${end}`, { attempts });
  return end === "interrupted" ? SIGNAL_EXIT_CODES[await second] : 0;
}

function requireNetAccess({ services }: Config, options: { readonly prompt: boolean }): void {
  const forbidden = findForbiddenTarget(services, options);
  if (forbidden === undefined) return;
  const { target: { name, shown }, host } = forbidden;
  throw new CommandError(
    `Cannot reach service "${name}": the network permission must be granted. Run again with ` +
      `--allow-net, or add ${shown.isUrlSecret ? `the host of ${shown.url}` : host} to its list`,
  );
}

/** URL to open in a browser: not every system can open 0.0.0.0. */
function urlOf({ address: { hostname, port }, config: { tls, shownHostname } }: Serving): string {
  const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : shownHostname;
  return `${tls === undefined ? "http" : "https"}://${formatAddress({ hostname: reachable, port })}`;
}
