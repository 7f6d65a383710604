/** The admin listener of a command, across reloads of the configuration. */

import { type AdminHandler, type AdminOptions, createAdminHandler } from "../admin/handler.ts";
import type { AdminSource } from "../admin/api.ts";
import { viewState } from "../admin/state_view.ts";
import { NoiseMarks } from "../compare/noise_marks.ts";
import type { AdminSettings } from "../config/config.ts";
import { VERSION } from "../lib/version.ts";
import type { ReloadStats } from "../observe/metrics_snapshot.ts";
import { formatAddress } from "../server/listen_error.ts";
import { processStats } from "../server/process_stats.ts";
import { type RunningServer, serve, type ServeOptions } from "../server/serve.ts";
import type { Serving } from "./serve_thread.ts";

/** Context of {@linkcode createAdminSource}. */
export interface AdminSourceContext {
  /** Returns the URL of the server for clients. */
  readonly url: () => string;
  /** Reports whether the server is shutting down. */
  readonly isDraining: () => boolean;
  /** Returns the number of workers and of their crashes. */
  readonly workers: () => { readonly count: number; readonly crashes: number };
  /**
   * Returns the reloads so far.
   *
   * @default A function that returns `undefined`.
   */
  readonly reloads?: () => ReloadStats | undefined;
}

/** Options of {@linkcode AdminListener}. */
export interface AdminListenerOptions
  extends Pick<ServeOptions, "onError" | "onReopen" | "reusePort" | "urgent">, Pick<AdminOptions, "onGuesses"> {
  /** Source of all data that the listener shows. */
  readonly source: AdminSource;
}

/** Prepared settings, which can be put into force without a failure. */
export interface PreparedAdmin {
  /** Puts the settings into force. */
  commit(): Promise<void>;
  /** Closes a listener that was opened for the settings. The previous settings stay in force. */
  rollback(): Promise<void>;
}

interface OpenListener {
  settings: AdminSettings;
  readonly server: RunningServer;
  handler: AdminHandler;
}

/** Creates the source of an admin listener. */
export function createAdminSource(
  serving: Pick<Serving, "config" | "inspect" | "comparisons" | "resetComparisons">,
  { url, isDraining, workers, reloads: readReloads = () => undefined }: AdminSourceContext,
): AdminSource {
  async function reading() {
    const { metrics } = await serving.inspect(Infinity);
    const reloads = readReloads();
    return { metrics, process: processStats(), workers: workers(), ...(reloads !== undefined && { reloads }) };
  }

  return {
    get config() {
      return serving.config;
    },
    state: async () => {
      const info = { version: VERSION, url: url(), draining: isDraining() };
      return viewState(serving.config, { ...info, ...await reading() });
    },
    reading,
    exchanges: async (after) => (await serving.inspect(after)).recent,
    comparisons: (after, sinceMs) => serving.comparisons(after, sinceMs),
    resetComparisons: () => serving.resetComparisons(),
    marks: new NoiseMarks(),
  };
}

/** An admin listener, which is open while the configuration has `admin`. */
export class AdminListener {
  readonly #options: AdminListenerOptions;
  #open: OpenListener | undefined;
  #isShutDown = false;

  /** Creates a closed listener. */
  constructor(options: AdminListenerOptions) {
    this.#options = options;
  }

  /** URL to open in a browser; `undefined` while the listener is closed. */
  get url(): string | undefined {
    if (this.#open === undefined) return undefined;
    const { settings: { hostname, shownHostname }, server: { port } } = this.#open;
    const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : shownHostname;
    return `http://${formatAddress({ hostname: reachable, port })}/`;
  }

  /**
   * Does the part of a reload that may fail. `undefined` stands for a configuration without `admin`. Throws a
   * `ListenError` if the address cannot be listened on; then nothing has changed.
   */
  async prepare(next: AdminSettings | undefined): Promise<PreparedAdmin> {
    const old = this.#open;
    if (next === undefined) return { commit: () => this.#retire(), rollback: () => Promise.resolve() };
    if (old !== undefined && old.settings.port === next.port) {
      // The port is in use by the old listener. Only the address can be tested in advance.
      if (next.hostname !== old.settings.hostname) await this.#testAddress(next);
      return { commit: () => this.#relisten(old, next), rollback: () => Promise.resolve() };
    }
    const fresh = await this.#listen(next);
    return {
      commit: async () => {
        await this.#retire();
        // A reload may end after the shutdown.
        if (this.#isShutDown) return await fresh.server.shutdown();
        this.#open = fresh;
      },
      rollback: () => fresh.server.shutdown(),
    };
  }

  /** Closes the listener and its event streams, and waits until every response in flight has been sent. */
  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await this.#close();
  }

  async #close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    open?.handler.close();
    await open?.server.shutdown();
  }

  /** Starts the shutdown without waiting: a slow client must not delay a reload. */
  #retire(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  async #relisten(old: OpenListener, next: AdminSettings): Promise<void> {
    if (old.settings.hostname === next.hostname && old.settings.token === next.token) return;
    // Clients that read with another token must present the new one.
    old.handler.close();
    const hasMoved = old.settings.hostname !== next.hostname;
    old.handler = this.#handlerFor(next, old.server.port);
    old.settings = next;
    if (hasMoved) await old.server.relisten(next);
  }

  async #listen(settings: AdminSettings): Promise<OpenListener> {
    const { onError, onReopen, reusePort, urgent } = this.#options;
    const server = await serve((request, connection) => opened.handler.handle(request, connection), {
      hostname: settings.hostname,
      shownHostname: settings.shownHostname,
      port: settings.port,
      reusePort,
      urgent,
      ...(onError !== undefined && { onError }),
      ...(onReopen !== undefined && { onReopen }),
    });
    const opened: OpenListener = { settings, server, handler: this.#handlerFor(settings, server.port) };
    return opened;
  }

  #handlerFor({ hostname, token }: AdminSettings, port: number): AdminHandler {
    const { source, onReopen: _, ...listeners } = this.#options;
    return createAdminHandler(source, { ...listeners, hostname, port, token });
  }

  async #testAddress({ hostname, shownHostname }: AdminSettings): Promise<void> {
    const test = await serve(() => new Response(), { hostname, shownHostname, port: 0, urgent: AbortSignal.abort() });
    test.shutdown();
  }
}
