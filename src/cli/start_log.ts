/** A logger for a terminal or a log collector, and its first lines. */

import type { Config } from "../config/config.ts";
import { createLogger, formatJson, type Logger, type LogLevel } from "../observe/log.ts";
import { createPrettyFormat } from "../observe/log_pretty.ts";
import { createPaint } from "../lib/paint.ts";
import type { Output } from "../server/output.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { showsTop } from "./top/shows_top.ts";
import { drawRoutes, routeLabel } from "./route_table.ts";
import { VERSION } from "../lib/version.ts";

/** A logger, and the announcement that starts it. */
export interface StartedLog {
  /** Writes the lines. */
  readonly logger: Logger;
  /** Tells where the server listens, and draws its routes. */
  readonly announce: (url: string, adminUrl?: string) => void;
}

/**
 * Sets up the log of a server: pretty on a terminal and JSON lines elsewhere, unless told otherwise.
 *
 * @param config The configuration.
 * @param invocation The command line; its flags are stronger.
 * @param io The outputs.
 * @returns The log.
 */
export function startLog(
  config: Config,
  invocation: ParsedArgs,
  io: Pick<Io, "stdout" | "stderr">,
): StartedLog {
  const output = io[config.logging.output];
  const format = invocation.logFormat ?? config.logging.format ?? (output.isTerminal ? "pretty" : "json");
  const level = levelFor(invocation, config);
  const hasTable = showsTop(invocation, io);
  const logger = createLogger({
    // A line for each request would push the table that tells of them all out of sight.
    level: hasTable && (level === "info" || level === "debug") && !invocation.switches.has("verbose") ? "warn" : level,
    format: format === "json" ? formatJson : createPrettyFormat({ color: output.isTerminal }),
    write: (line) => output.write(line),
  });
  return {
    logger,
    announce: (url, adminUrl) => {
      const { workers } = invocation;
      if (format === "json" && !hasTable) {
        const threads = workers > 1 ? { workers } : {};
        const admin = adminUrl === undefined ? {} : { admin: adminUrl };
        logger.log("info", "listening", { version: VERSION, url, ...admin, ...threads, ...routesAsData(config) });
      } else if (level === "debug" || level === "info") {
        drawStart(config, { url, adminUrl, workers }, output);
      }
    },
  };
}

function levelFor({ switches }: ParsedArgs, config: Config): LogLevel {
  if (switches.has("verbose")) return "debug";
  return switches.has("quiet") ? "warn" : config.logging.level;
}

interface Listening {
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly workers: number;
}

function drawStart(config: Config, { url, adminUrl, workers }: Listening, output: Output): void {
  const paint = createPaint(output.isTerminal);
  const threads = workers > 1 ? ` with ${workers} workers` : "";
  const heading = `${paint.strong(`conductor ${VERSION}`)} listens on ${paint.accent(url)}${threads}`;
  const admin = adminUrl === undefined ? "" : `dashboard on ${paint.accent(adminUrl)}\n`;
  output.write(`\n${heading}\n${admin}\n${drawRoutes(config, { paint })}\n\n`);
}

function routesAsData({ routes, wait }: Config): Record<string, unknown> {
  return {
    wait,
    routes: routes.map((route) => ({
      route: routeLabel(route),
      services: route.members.map(({ role, service }) => ({
        service: service.name,
        role,
        url: service.shown.url,
        timeoutMs: service.timeoutMs,
        waitedFor: role !== "shadow",
      })),
    })),
  };
}
