/** @import { ExchangesView, StateView } from "../api.ts" */

/** The stream of events from conductor, opened again whenever it breaks off. */

/** Without a state for this long, the page says so: one comes each second. */
const SILENT_MS = 4_000;

/** Where the browser has given up, the page tries again after this long. */
const AGAIN_MS = 2_000;

/**
 * @typedef {object} Listener Who is told.
 * @property {(state: StateView) => void} onState A new state.
 * @property {(view: ExchangesView) => void} onExchanges New exchanges.
 * @property {(isLive: boolean) => void} onLink Whether news comes in; told again only when that changes.
 */

/**
 * Listens to the server's events for as long as the page is there.
 *
 * @param {Listener} listener Who is told.
 */
export function connect(listener) {
  let lastStateMs = performance.now();
  let isLive = /** @type {boolean | undefined} */ (undefined);
  let source = open();

  setInterval(() => {
    if (performance.now() - lastStateMs > SILENT_MS) tell(false);
  }, 500);
  setInterval(() => {
    if (source.readyState === EventSource.CLOSED) source = open();
  }, AGAIN_MS);

  function open() {
    const source = new EventSource("api/events");
    source.addEventListener("state", ({ data }) => {
      lastStateMs = performance.now();
      tell(true);
      listener.onState(JSON.parse(data));
    });
    source.addEventListener("exchanges", ({ data }) => listener.onExchanges(JSON.parse(data)));
    source.addEventListener("error", () => tell(false));
    return source;
  }

  /** @param {boolean} now Whether news comes in. */
  function tell(now) {
    if (now === isLive) return;
    isLive = now;
    listener.onLink(now);
  }
}
