/** The admin listener of a server, across reloads of the configuration. */

import { type AdminHandler, type AdminOptions, createAdminHandler } from "../admin/handler.ts";
import type { AdminSource } from "../admin/api.ts";
import { viewState } from "../admin/state_view.ts";
import { NoiseMarks } from "../compare/noise_marks.ts";
import type { AdminSettings } from "../config/config.ts";
import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { ListenerKind } from "../config/listener_kind.ts";
import { VERSION } from "../lib/version.ts";
import type { RecentExchanges } from "../observe/exchange_record.ts";
import type { Inspection, ReloadStats } from "../observe/metrics_snapshot.ts";
import { isSameAddress, socketPath } from "../lib/unix_socket.ts";
import { ADMIN_SETTINGS, forNodeListener } from "./admin_requests.ts";
import type { OpenListener } from "./listener.ts";
import { formatAddress } from "./listen_error.ts";
import { openNodeListener } from "./node_listener.ts";
import { processStats } from "./process_stats.ts";
import { keepListening, type RunningServer, serve, type ServeOptions } from "./serve.ts";

/** Address of a listener, for the log and for browsers. */
export interface ListenerView {
  /** URL to open in a browser. */
  readonly url: string;
  /** Address and port that are listened on. */
  readonly address: string;
}

/** The parts of a server that the admin listener shows: of one thread, or of all workers together. */
export interface ShownServer {
  /** Configuration of new requests. */
  readonly config: Config;
  /**
   * Returns the metrics, and the recorded exchanges with ids above `after`. Without an admin listener nothing is
   * recorded.
   */
  inspect(after: number): Promise<Inspection>;
  /** Returns only the recorded exchanges: they are read more often than the metrics, which are larger. */
  recent(after: number): Promise<RecentExchanges>;
  /** Returns the comparisons since `sinceMs`, by default all, and the mismatches with ids above `after`. */
  comparisons(after: number, sinceMs?: number): Promise<ComparisonsSnapshot>;
  /** Starts counting comparisons again. */
  resetComparisons(): Promise<void>;
}

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
  /**
   * Implementation of the listener.
   *
   * @default "deno"
   */
  readonly kind?: ListenerKind;
}

/** Prepared settings, which can be put into force without a failure. */
export interface PreparedAdmin {
  /** Puts the settings into force. */
  commit(): Promise<void>;
  /** Closes a listener that was opened for the settings. The previous settings stay in force. */
  rollback(): Promise<void>;
}

interface OpenAdmin {
  settings: AdminSettings;
  readonly server: RunningServer;
  handler: AdminHandler;
}

/** Creates the source of an admin listener. */
export function createAdminSource(
  serving: ShownServer,
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
    exchanges: (after) => serving.recent(after),
    comparisons: (after, sinceMs) => serving.comparisons(after, sinceMs),
    resetComparisons: () => serving.resetComparisons(),
    marks: new NoiseMarks(),
  };
}

/** An admin listener, which is open while the configuration has `admin`. */
export class AdminListener {
  readonly #options: AdminListenerOptions;
  #open: OpenAdmin | undefined;
  #isShutDown = false;

  /** Creates a closed listener. */
  constructor(options: AdminListenerOptions) {
    this.#options = options;
  }

  /** URL to open in a browser, or the address of a Unix socket; `undefined` while the listener is closed. */
  get url(): string | undefined {
    if (this.#open === undefined) return undefined;
    const { settings: { hostname, shownHostname }, server: { port } } = this.#open;
    if (socketPath(hostname) !== undefined) return shownHostname;
    const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : shownHostname;
    return `http://${formatAddress({ hostname: reachable, port })}/`;
  }

  /** Address and URL of the listener; `undefined` while it is closed. */
  get listener(): ListenerView | undefined {
    if (this.#open === undefined) return undefined;
    const { settings: { hostname, shownHostname }, server } = this.#open;
    const shown = shownHostname === hostname ? server.hostname : shownHostname;
    return { url: this.url!, address: formatAddress({ hostname: shown, port: server.port }) };
  }

  /**
   * Does the part of a reload that may fail. `undefined` stands for a configuration without `admin`. Throws a
   * `ListenError` if the address cannot be listened on; then nothing has changed.
   */
  async prepare(next: AdminSettings | undefined): Promise<PreparedAdmin> {
    const old = this.#open;
    if (next === undefined) return { commit: () => this.#retire(), rollback: () => Promise.resolve() };
    if (old !== undefined && isSameAddress(old.settings, next)) {
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

  async #relisten(old: OpenAdmin, next: AdminSettings): Promise<void> {
    const hasMoved = old.settings.hostname !== next.hostname || old.settings.socketMode !== next.socketMode;
    if (!hasMoved && old.settings.token === next.token) return;
    // Clients that read with another token must present the new one.
    old.handler.close();
    old.handler = this.#handlerFor(next, old.server.port);
    old.settings = next;
    if (hasMoved) await old.server.relisten(next);
  }

  async #listen(settings: AdminSettings): Promise<OpenAdmin> {
    const handle: AdminHandler["handle"] = (request, connection) => opened.handler.handle(request, connection);
    const server = await this.#serve(handle, settings);
    const opened: OpenAdmin = { settings, server, handler: this.#handlerFor(settings, server.port) };
    return opened;
  }

  #serve(handle: AdminHandler["handle"], where: Omit<AdminSettings, "token">): Promise<RunningServer> {
    const { onError, onReopen, reusePort = false, urgent, kind } = this.#options;
    const { hostname, shownHostname, socketMode, port } = where;
    const address = { hostname, shownHostname, socketMode, port };
    const listeners = { ...(onError !== undefined && { onError }), ...(onReopen !== undefined && { onReopen }) };
    if (kind !== "node") return serve(handle, { ...address, ...listeners, reusePort, urgent });
    const open: OpenListener = (port, { hostname }) =>
      openNodeListener(forNodeListener(handle), {
        hostname,
        port,
        tls: undefined,
        reusePort,
        urgent,
        settings: () => ADMIN_SETTINGS,
        onError: (error) => onError?.("admin request failed unexpectedly", error),
        onRefused: () => {},
      });
    return keepListening(open, { ...address, ...listeners });
  }

  #handlerFor({ hostname, token }: AdminSettings, port: number): AdminHandler {
    const { source, onReopen: _, ...listeners } = this.#options;
    // Clients of a Unix socket name any host and port: those of a forwarding program, for example of `ssh -L`.
    const address = socketPath(hostname) === undefined
      ? { hostname, port }
      : { hostname: "localhost", port: undefined };
    return createAdminHandler(source, { ...listeners, ...address, token });
  }

  async #testAddress(settings: AdminSettings): Promise<void> {
    const test = await this.#serve(() => Promise.resolve(new Response()), { ...settings, port: 0 });
    test.shutdown();
  }
}
