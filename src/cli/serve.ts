/** `conductor serve`: listen until told to stop. */

import { createHandler } from "../conductor.ts";
import type { Config } from "../config/config.ts";
import { BrokenResponseError } from "../exchange/response_body.ts";
import type { Logger } from "../observe/log.ts";
import { drain } from "../server/drain.ts";
import { InFlight } from "../server/in_flight.ts";
import { silenceLegacyAbortNotice } from "../server/legacy_abort_notice.ts";
import { formatAddress } from "../server/listen_error.ts";
import { findForbiddenTarget } from "../server/net_access.ts";
import { type RunningServer, serve } from "../server/serve.ts";
import { SIGNAL_EXIT_CODES, type StopSignals } from "../server/signals.ts";
import { takeStrayErrors } from "../server/stray_errors.ts";
import { openConfig } from "./config_file.ts";
import type { Invocation } from "./flags.ts";
import type { Io } from "./io.ts";
import { startLog } from "./start_log.ts";
import { CommandError } from "./usage_error.ts";

/**
 * Serves a configuration until a signal arrives and what is in flight has finished.
 *
 * @param invocation The command line.
 * @param io The outputs and signals.
 * @returns The exit code: 0, or 130 and 143 where a second signal cut the shutdown short.
 * @throws {CommandError} Where the configuration can not be used.
 * @throws {ListenError} Where the address can not be listened on.
 */
export async function runServe(invocation: Invocation, io: Io): Promise<number> {
  const file = await openConfig(invocation, io);
  const { port = file.config.port, host: hostname = file.config.hostname } = invocation;
  const config: Config = { ...file.config, port, hostname };
  const { logger, announce } = startLog(config, invocation, io);
  const onError = (message: string, error: unknown) => {
    if (error instanceof BrokenResponseError) return; // The handler has reported it as an event.
    logger.log("error", message, { error: error instanceof Error ? error.stack ?? error.message : String(error) });
  };
  requireNetAccess(config);
  silenceLegacyAbortNotice();

  const inFlight = new InFlight();
  const handler = createHandler(config, {
    observe: (event) => {
      inFlight.observe(event);
      logger.observe(event);
    },
  });
  const server = serve(handler, {
    hostname,
    port,
    tls: config.tls,
    onError,
    onReopen: () => logger.log("info", "listening again"),
  });
  const giveBackErrors = takeStrayErrors(onError);
  const signals = io.listenForStop();
  try {
    announce(urlOf(server, config));
    return await stop(server, { inFlight, signals, logger, timeoutMs: config.shutdownTimeoutMs });
  } finally {
    signals.close();
    giveBackErrors();
  }
}

interface StopParts {
  readonly inFlight: InFlight;
  readonly signals: StopSignals;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

async function stop(server: RunningServer, { inFlight, signals, logger, timeoutMs }: StopParts): Promise<number> {
  const signal = await signals.next();
  logger.log("info", "stopping: no new requests, what is in flight may finish", { signal, timeoutMs });
  const second = signals.next();
  // Copies are counted too: a shadow's request that has been sent is worth finishing.
  const end = await drain(server.shutdown().then(() => inFlight.idle()), { timeoutMs, interruption: second });
  if (end === "finished") logger.log("info", "stopped");
  else logger.log("warn", `stopped before everything in flight had finished: ${end}`, { attempts: inFlight.count });
  return end === "interrupted" ? SIGNAL_EXIT_CODES[await second] : 0;
}

function requireNetAccess({ services }: Config): void {
  const forbidden = findForbiddenTarget(services);
  if (forbidden === undefined) return;
  throw new CommandError(
    `Cannot reach service "${forbidden.target.name}" as the network permission must be granted: run again with ` +
      `--allow-net, or add ${forbidden.host} to its list`,
  );
}

/** Where a person can reach the server: nobody can open 0.0.0.0 everywhere. */
function urlOf({ hostname, port }: RunningServer, { tls }: Pick<Config, "tls">): string {
  const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  return `${tls === undefined ? "http" : "https"}://${formatAddress({ hostname: reachable, port })}`;
}
