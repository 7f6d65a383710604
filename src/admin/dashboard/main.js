/** @import { StateView } from "../api.ts" */
import { chartSpanMs } from "./charts.js";
import { Comparison } from "./comparison.js";
import { connect } from "./connection.js";
import { showDetail } from "./detail.js";
import { byId, html, set, setText } from "./dom.js";
import { Filters } from "./filters.js";
import { bytes, clock, count, printable, rate, uptime } from "./format.js";
import { TrafficMap } from "./map.js";
import { Overview } from "./overview.js";
import { pauseOnInteraction } from "./pause_on_interaction.js";
import { Services } from "./services.js";
import { drawReloadNotice } from "./reload_notice.js";
import { Store, TOTAL } from "./store.js";
import { Views } from "./views.js";
import { Waterfall } from "./waterfall.js";

/** Entry point of the page. Events update the store, and the views are drawn from the store. */

/** @typedef {"connecting" | "lost" | "paused" | "draining" | "live"} Status Status of the page. */

/** @type {Readonly<Record<Status, string>>} */
const STATUS_LABELS = {
  connecting: "Connecting…",
  lost: "Connection lost",
  paused: "Paused",
  draining: "Draining",
  live: "Live",
};

const store = new Store();
const filters = new Filters(() => {
  // A new filter applies at once, even while the page is paused.
  drawList();
  if (store.state !== undefined) map.update(store, store.state, filters.choice);
});
const overview = new Overview(byId("overview", HTMLElement));
const map = new TrafficMap(byId("map", HTMLElement), (kind, name) => filters.toggle(kind, name));
const services = new Services(byId("services", HTMLElement));
const list = byId("waterfall", HTMLElement);
const dialog = byId("detail", HTMLDialogElement);
const comparison = new Comparison();
const views = new Views((view) => {
  if (view === "comparison") comparison.open(location.hash);
  draw();
});
const waterfall = new Waterfall(list, byId("axis", HTMLElement), (exchange) => showDetail(dialog, exchange));
const pause = byId("pause", HTMLButtonElement);
const connection = byId("connection", HTMLElement);
const notice = byId("notice", HTMLElement);
const newExchanges = byId("new-exchanges", HTMLElement);
const empty = byId("empty", HTMLElement);

/** @type {Store["exchanges"] | undefined} Exchanges of a paused page. */
let pausedExchanges;
/** @type {boolean | undefined} */
let isLive;
/** True while the pointer or the keyboard focus is in the list. */
let isListInUse = false;
/** Exchanges that have arrived since the list was drawn. */
let newCount = 0;

connect({
  onState(state) {
    store.addState(state);
    filters.update(state);
    comparison.setState(state);
    drawReloadNotice(byId("reload-notice", HTMLElement), state);
    drawConnection();
    draw();
  },
  onExchanges(view) {
    newCount += store.addExchanges(view).length;
    drawExchanges();
  },
  onChange(value) {
    isLive = value;
    drawConnection();
  },
});

// Only a session can log out. Its pages have a path of their own.
byId("log-out", HTMLFormElement).hidden = location.pathname === "/";

pause.addEventListener("click", () => {
  pausedExchanges = pausedExchanges === undefined ? store.exchanges : undefined;
  set(pause, { "aria-pressed": String(pausedExchanges !== undefined) });
  setText(pause, pausedExchanges === undefined ? "Pause" : "Resume");
  drawConnection();
  draw();
});
pauseOnInteraction(list, (isPaused) => {
  isListInUse = isPaused;
  drawExchanges();
});
dialog.addEventListener("close", drawExchanges);
document.addEventListener("visibilitychange", draw);
new ResizeObserver(draw).observe(byId("map", HTMLElement));

/** Draws everything, unless the page is hidden or paused. */
function draw() {
  const { state } = store;
  const isPaused = pausedExchanges !== undefined;
  comparison.setActive(views.current === "comparison" && !isPaused && !document.hidden);
  if (state === undefined || isPaused || document.hidden) return;
  drawFooter(state);
  document.title = `${rate(store.series(TOTAL).latest?.rate ?? 0)} · conductor`;
  if (views.current !== "traffic") return;
  overview.update(store);
  map.update(store, state, filters.choice);
  services.update(store, state);
  const minutes = Math.floor(chartSpanMs(store.series(TOTAL).points) / 60_000);
  setText(byId("chart-span", HTMLElement), `last ${uptime(minutes * 60_000)}`);
  drawSampling();
  drawExchanges();
}

function drawExchanges() {
  const isVisible = !document.hidden && views.current === "traffic";
  const isPaused = pausedExchanges !== undefined;
  if (!isPaused && !isListInUse && !dialog.open && isVisible) drawList();
  newExchanges.hidden = newCount === 0 || !isVisible;
  if (newExchanges.hidden) return;
  const reason = isPaused ? "paused" : "paused while the pointer or the focus is in the list";
  setText(newExchanges, `${count(newCount)} new, ${reason}`);
}

function drawList() {
  const matching = (pausedExchanges ?? store.exchanges).filter((exchange) => filters.matches(exchange));
  waterfall.update(matching);
  if (pausedExchanges === undefined) newCount = 0;
  empty.hidden = matching.length > 0;
  if (matching.length === 0) drawEmpty();
}

function drawEmpty() {
  if (store.exchanges.length > 0) {
    empty.replaceChildren(html("p", { text: "No recent exchange matches the filters." }));
    return;
  }
  const { url, routes = [] } = store.state ?? {};
  const path = routes.map(({ route }) => route.split(" ")[1] ?? "/").find((path) => path.startsWith("/")) ?? "/";
  empty.replaceChildren(
    html("p", { text: "No exchanges yet. Send a request to conductor:" }),
    html("p", {}, [html("code", { text: `curl ${printable(url ?? "http://HOST:PORT")}${printable(path)}` })]),
  );
}

function drawSampling() {
  const note = byId("sampling", HTMLElement);
  const sampling = store.sampling();
  note.hidden = sampling === undefined;
  if (sampling === undefined) return;
  const { recordedPerSecond, totalPerSecond } = sampling;
  setText(note, `A sample: about ${rate(recordedPerSecond)} of ${rate(totalPerSecond)} are recorded.`);
}

/** @returns {Status} */
function currentStatus() {
  if (isLive === undefined) return "connecting";
  if (!isLive) return "lost";
  if (pausedExchanges !== undefined) return "paused";
  return store.state?.draining === true ? "draining" : "live";
}

function drawConnection() {
  const status = currentStatus();
  set(connection, { "data-status": status });
  set(document.body, { "data-status": status });
  setText(byId("connection-text", HTMLElement), STATUS_LABELS[status]);
  const text = noticeText(status);
  if (notice.hidden !== (text === "")) notice.hidden = text === "";
  setText(notice, text);
}

/** @param {Status} status */
function noticeText(status) {
  if (status === "draining") {
    return "conductor is shutting down: it accepts no new requests, and completes those in flight.";
  }
  if (status !== "lost") return "";
  const last = store.state === undefined ? "" : ` Last update: ${clock(store.state.timeMs).slice(0, 8)}.`;
  return `conductor does not respond. Reconnecting…${last}`;
}

/** @param {StateView} state */
function drawFooter({ version, workers, process, metrics, timeMs }) {
  const facts = [
    `conductor ${printable(version)}`,
    `up ${uptime(timeMs - metrics.startedMs)}`,
    workers.count === 1 ? "1 worker" : `${workers.count} workers`,
    ...(workers.crashes > 0 ? [`${workers.crashes} crashed`] : []),
    ...(process.residentBytes === undefined ? [] : [`${bytes(process.residentBytes)} resident`]),
    ...(process.descriptors === undefined ? [] : [`${count(process.descriptors)} descriptors`]),
  ];
  const footer = byId("footer", HTMLElement);
  if (footer.childElementCount !== facts.length) footer.replaceChildren(...facts.map(() => html("span")));
  facts.forEach((fact, index) => setText(/** @type {Element} */ (footer.children[index]), fact));
}
