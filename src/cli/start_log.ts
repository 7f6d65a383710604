/** Log of a server: format and level, the first lines, and unexpected errors. */

import type { Config } from "../config/config.ts";
import { describeListener } from "../config/listener_kind.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { VERSION } from "../lib/version.ts";
import { createLogger, formatJson, type Logger, type LogLevel } from "../observe/log.ts";
import { createPrettyFormat } from "../observe/log_pretty.ts";
import type { ListenerView } from "../server/admin_listener.ts";
import type { Output } from "../server/output.ts";
import { BrokenResponseError } from "../upstream/response_body.ts";
import type { ParsedArgs } from "./command_line.ts";
import type { Io } from "./io.ts";
import { drawRoutes, routeLabel } from "./route_table.ts";

/** Limits of repeated failures above a live table, which shows their numbers: they would scroll it out of sight. */
const FOLDED = { linesPerSecond: 0.1, summaryMs: 10_000 };

/** The listeners of a server. */
export interface ListenersView extends ListenerView {
  /** The admin listener; `undefined`: none. */
  readonly admin: ListenerView | undefined;
}

/** A logger, and the announcement that starts its log. */
export interface StartedLog {
  /** The logger. */
  readonly logger: Logger;
  /** Logs the addresses and the routes of the server. */
  readonly announce: (listeners: ListenersView) => void;
}

/** Creates the log of a server: pretty on a terminal, otherwise JSON lines. Flags override the configuration. */
export function startLog(
  config: Config,
  args: ParsedArgs,
  io: Pick<Io, "stdout" | "stderr" | "hasCursor">,
): StartedLog {
  const { flags } = args;
  const output = io[config.logging.output];
  const format = flags.logFormat ?? config.logging.format ?? (output.isTerminal ? "pretty" : "json");
  const level = levelFor(args, config);
  const hasTable = showsTop(args, io);
  const logger = createLogger({
    // A line for each request would scroll the table out of sight.
    level: hasTable && (level === "info" || level === "debug") && !flags.verbose ? "warn" : level,
    format: format === "json" ? formatJson : createPrettyFormat({ color: output.isTerminal }),
    write: (line) => output.write(line),
    ...(hasTable && { repeats: FOLDED }),
    hasAccessLog: config.logging.access !== "off" && !hasTable,
  });
  return {
    logger,
    announce: (listeners) => {
      const { workers } = flags;
      if (format === "json" && !hasTable) {
        const threads = workers > 1 ? { workers } : {};
        const { url, address, admin } = listeners;
        logger.log("info", "listening", {
          version: VERSION,
          url,
          ...(admin !== undefined && { admin: admin.url }),
          ...threads,
          address,
          ...(admin !== undefined && { adminAddress: admin.address }),
          ...(config.listener.kind === "node" && { listener: config.listener }),
          file: flags.config,
          ...routesAsData(config),
        });
      } else if (level === "debug" || level === "info") {
        drawStart(config, { ...listeners, workers, file: flags.config }, output);
      }
    },
  };
}

/** Reports whether a server shows a live table: if `--top` is set and the terminal can move its cursor. */
export function showsTop({ flags }: ParsedArgs, { hasCursor }: Pick<Io, "hasCursor">): boolean {
  return flags.top && hasCursor;
}

/** Message of an operating system error, which quotes no request. */
const SYSTEM_MESSAGE = /^[\w :]+ \(os error \d+\)$/;

/**
 * Creates a listener for unexpected errors, which logs their names and stack frames. Messages are left out: they may
 * quote a request, for instance a URL with a token. Broken responses are left out because an event has logged them.
 */
export function logErrorTo(logger: () => Logger): (message: string, error: unknown) => void {
  return (message, error) => {
    if (error instanceof BrokenResponseError) return;
    logger().log("error", message, { error: describeError(error) });
  };
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `a value of type ${typeof error}`;
  const { name, message, stack = "" } = error;
  if (SYSTEM_MESSAGE.test(message)) return `${name}: ${message}`;
  const frames = stack.split("\n").filter((line) => /^ {4}at \S/.test(line) && !message.includes(line.trim()));
  return [name, ...frames].join("\n");
}

function levelFor({ flags }: ParsedArgs, config: Config): LogLevel {
  if (flags.verbose) return "debug";
  return flags.quiet ? "warn" : config.logging.level;
}

interface Listening extends ListenersView {
  readonly workers: number;
  readonly file: string;
}

function drawStart(config: Config, { url, address, admin, workers, file }: Listening, output: Output): void {
  const paint = createPaint(output.isTerminal);
  const threads = workers > 1 ? ` with ${workers} workers` : "";
  const heading = `${paint.strong(`conductor ${VERSION}`)} listens on ${paint.accent(url)}${
    otherAddress({ url, address })
  }${threads}`;
  const dashboard = admin === undefined ? "" : `dashboard on ${paint.accent(admin.url)}${otherAddress(admin)}\n`;
  const origin = `configuration from ${printable(file)}\n`;
  const described = describeListener(config);
  const listener = described === undefined ? "" : `${described}\n`;
  output.write(`\n${heading}\n${dashboard}${listener}${origin}\n${drawRoutes(config, { paint })}\n\n`);
}

/** Returns the address of a listener, unless its URL shows it. A listener on all addresses has no URL of its own. */
function otherAddress({ url, address }: ListenerView): string {
  if (url === address || url.includes(`//${address}`)) return "";
  const all = address.startsWith("0.0.0.0:")
    ? ", all IPv4 addresses"
    : address.startsWith("[::]:")
    ? ", all addresses"
    : "";
  return ` (${printable(address)}${all})`;
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
