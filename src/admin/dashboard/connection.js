/** @import { ExchangesView, StateView } from "../api.ts" */

/** The event stream from conductor. It is opened again whenever it ends. */

/** Time without a state after which the connection counts as lost. A state is sent every second. */
const STALE_MS = 4_000;

/** Interval of new attempts after the browser has stopped to reconnect. */
const RETRY_MS = 2_000;

/**
 * @typedef {object} ConnectionListener
 * @property {(state: StateView) => void} onState Called with each new state.
 * @property {(view: ExchangesView) => void} onExchanges Called with new exchanges.
 * @property {(isLive: boolean) => void} onChange Called when the connection is established or lost.
 */

/**
 * Receives events until the page is closed.
 *
 * @param {ConnectionListener} listener
 */
export function connect(listener) {
  let lastStateMs = performance.now();
  let isLive = /** @type {boolean | undefined} */ (undefined);
  let source = open();

  setInterval(() => {
    if (performance.now() - lastStateMs > STALE_MS) setLive(false);
  }, 500);
  setInterval(() => {
    if (source.readyState === EventSource.CLOSED) source = open();
  }, RETRY_MS);

  function open() {
    const source = new EventSource("api/events");
    source.addEventListener("state", ({ data }) => {
      lastStateMs = performance.now();
      setLive(true);
      listener.onState(JSON.parse(data));
    });
    source.addEventListener("exchanges", ({ data }) => listener.onExchanges(JSON.parse(data)));
    source.addEventListener("error", () => setLive(false));
    return source;
  }

  /** @param {boolean} value */
  function setLive(value) {
    if (value === isLive) return;
    isLive = value;
    listener.onChange(value);
  }
}
