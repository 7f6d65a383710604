/** `conductor serve`: listens until a signal stops it. */

import { warnOfLoops } from "../config/advice.ts";
import type { Config } from "../config/config.ts";
import { createPaint } from "../lib/paint.ts";
import { socketPath } from "../lib/unix_socket.ts";
import type { Logger } from "../observe/log.ts";
import { AdminListener, createAdminSource } from "../server/admin_listener.ts";
import { drain } from "../server/drain.ts";
import { formatAddress } from "../server/listen_error.ts";
import { findForbiddenTarget } from "../server/net_access.ts";
import { captureUncaughtErrors, silenceLegacyAbortNotice } from "../server/process_hooks.ts";
import { SIGNAL_EXIT_CODES, type Signals, type StopSignal } from "../server/signals.ts";
import type { WorkerPool } from "../server/worker_pool.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError } from "./commands.ts";
import type { Io } from "./io.ts";
import { openConfig } from "./load_config.ts";
import { keepReloading, type Reloading } from "./reload.ts";
import { ReloadHistory } from "./reload_history.ts";
import { serveThread, type Serving } from "./serve_thread.ts";
import { exportMetrics } from "../observe/otel_metrics.ts";
import { requireSharedPort, serveWorkers } from "./serve_workers.ts";
import { logErrorTo, showsTop, startLog } from "./start_log.ts";
import { createLiveTable } from "./top/live_table.ts";
import { runTop } from "./top/run_top.ts";

/** Maximum time for the last lines of workers: a stalled log reader must not keep the process alive. */
const FLUSH_TIMEOUT_MS = 2_000;
/** Maximum time for the responses of the admin listener after everything else has ended. */
const ADMIN_TIMEOUT_MS = 1_000;

/**
 * Serves a configuration until a signal arrives and the requests in flight have finished. Returns the exit code: 0, or
 * 130 or 143 if a second signal cut the shutdown short. Throws a {@linkcode CommandError} if the configuration is
 * invalid, and a `ListenError` if the address cannot be listened on.
 */
export async function runServe(args: ParsedArgs, terminal: Io): Promise<number> {
  const { flags } = args;
  const table = showsTop(args, terminal) ? createLiveTable(terminal.stdout) : undefined;
  const io = table === undefined
    ? terminal
    : { ...terminal, stdout: table.above(terminal.stdout), stderr: table.above(terminal.stderr) };
  const file = await openConfig(args);
  const withFlags = (config: Config): Config => {
    const { port = config.port, host: hostname = config.hostname } = flags;
    const hasPort = socketPath(hostname) === undefined;
    return { ...config, port: hasPort ? port : 0, hostname, shownHostname: flags.host ?? config.shownHostname };
  };
  let { logger, announce } = startLog(file.config, args, io);
  const onError = logErrorTo(() => logger);
  for (const warning of [...file.warnings, ...warnOfLoops(withFlags(file.config))]) {
    logger.log("warn", "configuration", { warning });
  }
  requireNetAccess(file.config, { prompt: true });
  silenceLegacyAbortNotice();

  if (flags.reusePort) requireSharedPort("reuse the port");
  const first = withFlags(file.config);
  const urgent = new AbortController();
  const history = new ReloadHistory({ file: file.location });
  const reloads = () => history.stats;
  const workers = flags.workers === 1
    ? undefined
    : await serveWorkers(first, { args, io, reloads, logger: () => logger });
  const server = workers ?? await serveThread(first, {
    logger: () => logger,
    reloads,
    onError,
    reusePort: flags.reusePort,
    alwaysCount: table !== undefined,
    hasTable: table !== undefined,
    urgent: urgent.signal,
  });
  let isDraining = false;
  const source = createAdminSource(server, {
    url: () => urlOf(server),
    isDraining: () => isDraining,
    reloads,
    workers: () => ({ count: flags.workers, crashes: workers?.crashes ?? 0 }),
  });
  const admin = new AdminListener({
    source,
    reusePort: flags.reusePort,
    onError,
    urgent: urgent.signal,
    onGuesses: (report) => logger.log("warn", "wrong tokens on the admin listener", { ...report }),
    onReopen: () => logger.log("info", "admin listener is listening again"),
  });
  try {
    await (await admin.prepare(server.config.admin)).commit();
  } catch (error) {
    await server.shutdown();
    workers?.end();
    throw error;
  }
  const listeners = () => ({ url: urlOf(server), address: addressOf(server), admin: admin.listener });
  exportMetrics(() => source.reading());
  const restoreErrorHandling = captureUncaughtErrors(onError);
  const signals = io.listenForStop();
  const reloading = keepReloading({
    ...file,
    history,
    watch: flags.watch,
    signals: io.listenForReload(),
    logger: () => logger,
    apply: async (config) => {
      requireNetAccess(config, { prompt: false });
      const before = JSON.stringify(listeners());
      const prepared = await admin.prepare(config.admin);
      try {
        await server.apply(withFlags(config));
      } catch (error) {
        await prepared.rollback();
        throw error;
      }
      await prepared.commit();
      ({ logger, announce } = startLog(config, args, io));
      for (const warning of warnOfLoops(withFlags(config))) logger.log("warn", "configuration", { warning });
      const after = listeners();
      if (JSON.stringify(after) !== before) announce(after);
    },
  });
  let endTop = () => {};
  try {
    announce(listeners());
    if (table !== undefined) endTop = runTop({ state: () => source.state(), table, paint: createPaint(true) });
    const onDrain = () => isDraining = true;
    return await stop(server, { workers, signals, reloading, onDrain, urgent, logger: () => logger });
  } finally {
    // Last, because the admin listener shows the shutdown of everything else.
    await drain(admin.shutdown(), { timeoutMs: ADMIN_TIMEOUT_MS });
    endTop();
    workers?.end();
    signals.close();
    reloading.close();
    restoreErrorHandling();
  }
}

interface StopContext {
  readonly workers: WorkerPool | undefined;
  readonly signals: Signals<StopSignal>;
  readonly reloading: Reloading;
  readonly onDrain: () => void;
  readonly urgent: AbortController;
  readonly logger: () => Logger;
}

async function stop(server: Serving, { workers, signals, reloading, ...context }: StopContext): Promise<number> {
  const signal = await signals.next();
  reloading.close();
  context.onDrain();
  const logger = context.logger();
  const { shutdownDelayMs: delayMs, shutdownTimeoutMs: timeoutMs } = server.config;
  const secondSignal = signals.next();
  if (delayMs > 0) {
    logger.log("info", "stopping soon: not ready, still accepting requests", { signal, delayMs });
    const never = new Promise<never>(() => {});
    await drain(never, { timeoutMs: delayMs, interruption: secondSignal });
  }
  logger.log("info", "stopping: no new requests, waiting for requests in flight", { signal, timeoutMs });
  const end = await drain(server.shutdown(), { timeoutMs, interruption: secondSignal });
  // Not after a complete shutdown: the admin listener is still open, and closes without losing requests.
  if (end !== "finished") context.urgent.abort();
  const attempts = server.attemptsInFlight;
  if (workers !== undefined) await drain(workers.flush(), { timeoutMs: FLUSH_TIMEOUT_MS });
  if (end === "finished") logger.log("info", "stopped");
  else logger.log("warn", `stopped with requests in flight: ${end}`, { attempts });
  return end === "interrupted" ? SIGNAL_EXIT_CODES[await secondSignal] : 0;
}

function requireNetAccess({ services }: Config, options: { readonly prompt: boolean }): void {
  const forbidden = findForbiddenTarget(services, options);
  if (forbidden === undefined) return;
  const { target: { name, shown }, host, socketFlags } = forbidden;
  if (socketFlags.length > 0) {
    const flags = shown.isUrlSecret ? "--allow-net, --allow-read and --allow-write" : socketFlags.join(" ");
    throw new CommandError(
      `Cannot reach service "${name}": no permission for its Unix socket; run again with ${flags}`,
    );
  }
  throw new CommandError(
    `Cannot reach service "${name}": no network permission; run again with --allow-net, or add ${
      shown.isUrlSecret ? `the host of ${shown.url}` : host
    } to its list`,
  );
}

/** Returns the address that is listened on. A resolved placeholder must not be printed. */
function addressOf({ address: { hostname, port }, config }: Serving): string {
  const { hostname: configured, shownHostname } = config;
  return formatAddress({ hostname: shownHostname === configured ? hostname : shownHostname, port });
}

/** Returns the URL to open in a browser, or the address of a Unix socket. Not every system can open 0.0.0.0. */
function urlOf({ address: { hostname, port }, config: { tls, shownHostname } }: Serving): string {
  if (socketPath(hostname) !== undefined) return shownHostname;
  const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : shownHostname;
  return `${tls === undefined ? "http" : "https"}://${formatAddress({ hostname: reachable, port })}`;
}
