/** The admin listener, from one configuration to the next. */

import { type AdminHandler, type AdminOptions, createAdminHandler } from "../admin/handler.ts";
import type { AdminSource } from "../admin/api.ts";
import type { AdminSettings } from "../config/config.ts";
import { formatAddress } from "../server/listen_error.ts";
import { type RunningServer, serve, type ServeOptions } from "../server/serve.ts";

/** Options of the admin listener. */
export interface AdminListenerOptions
  extends Pick<ServeOptions, "onError" | "onReopen">, Pick<AdminOptions, "onGuesses"> {
  /** Source of all data that the listener shows. */
  readonly source: AdminSource;
}

/** Settings that can be put into force. */
export interface PreparedAdmin {
  /** Puts them into force. */
  commit(): Promise<void>;
  /** Gives up what was opened for them; the old ones stay. */
  rollback(): Promise<void>;
}

interface Open {
  settings: AdminSettings;
  readonly server: RunningServer;
  handler: AdminHandler;
}

/** A listener that is there as long as the configuration wants it. */
export class AdminListener {
  readonly #options: AdminListenerOptions;
  #open: Open | undefined;

  /**
   * Listens nowhere yet.
   *
   * @param options What it needs.
   */
  constructor(options: AdminListenerOptions) {
    this.#options = options;
  }

  /** Where a person can open it; `undefined` where there is none. */
  get url(): string | undefined {
    if (this.#open === undefined) return undefined;
    const { settings: { hostname, shownHostname }, server: { port } } = this.#open;
    const reachable = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : shownHostname;
    return `http://${formatAddress({ hostname: reachable, port })}/`;
  }

  /**
   * Does what may fail of following other settings.
   *
   * @param next The settings; `undefined`: no listener.
   * @returns The means to put them into force.
   * @throws {ListenError} Where the address can not be listened on; nothing has changed then.
   */
  prepare(next: AdminSettings | undefined): PreparedAdmin {
    const old = this.#open;
    if (next === undefined) return { commit: () => this.#retire(), rollback: () => Promise.resolve() };
    if (old !== undefined && isSamePort(old, next)) {
      // On the same port nothing can be tried out beside the old listener, but the address can.
      if (next.hostname !== old.settings.hostname) this.#try(next);
      return { commit: () => this.#renew(old, next), rollback: () => Promise.resolve() };
    }
    const fresh = this.#listen(next);
    return {
      commit: async () => {
        await this.#retire();
        this.#open = fresh;
      },
      rollback: () => fresh.server.shutdown(),
    };
  }

  /**
   * Ends the listener, and the streams that are read from it.
   *
   * @returns A promise that is fulfilled when every answer in flight has been sent.
   */
  async shutdown(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    open?.handler.close();
    await open?.server.shutdown();
  }

  /** A reload does not wait for who reads slowly. */
  #retire(): Promise<void> {
    this.shutdown();
    return Promise.resolve();
  }

  async #renew(old: Open, next: AdminSettings): Promise<void> {
    if (old.settings.hostname === next.hostname && old.settings.token === next.token) return;
    // Who has read with another token must show that he knows the new one.
    old.handler.close();
    const isElsewhere = old.settings.hostname !== next.hostname;
    old.handler = this.#handlerFor(next, old.server.port);
    old.settings = next;
    if (isElsewhere) await old.server.relisten(next);
  }

  #listen(settings: AdminSettings): Open {
    const { onError, onReopen } = this.#options;
    const server = serve((request, connection) => opened.handler.handle(request, connection), {
      hostname: settings.hostname,
      shownHostname: settings.shownHostname,
      port: settings.port,
      ...(onError !== undefined && { onError }),
      ...(onReopen !== undefined && { onReopen }),
    });
    const opened: Open = { settings, server, handler: this.#handlerFor(settings, server.port) };
    return opened;
  }

  #handlerFor({ hostname, token }: AdminSettings, port: number): AdminHandler {
    const { source, onReopen: _, ...reports } = this.#options;
    return createAdminHandler(source, { ...reports, hostname, port, token });
  }

  #try({ hostname, shownHostname }: AdminSettings): void {
    const tried = serve(() => new Response(), { hostname, shownHostname, port: 0 });
    tried.shutdown();
  }
}

function isSamePort({ settings }: Open, next: AdminSettings): boolean {
  return settings.port === next.port;
}
