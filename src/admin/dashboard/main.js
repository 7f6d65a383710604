/** @import { StateView } from "../api.ts" */
import { chartSpanMs } from "./charts.js";
import { Comparison } from "./comparison.js";
import { Address } from "./address.js";
import { connect } from "./connection.js";
import { showDetail } from "./detail.js";
import { byId, html, set, setText } from "./dom.js";
import { Filters } from "./filters.js";
import { bytes, clock, count, printable, rate, uptime } from "./format.js";
import { Headline } from "./headline.js";
import { isComplete, TrafficMap } from "./map.js";
import { Overview } from "./overview.js";
import { pauseOnInteraction } from "./pause_on_interaction.js";
import { drawReloadNotice } from "./reload_notice.js";
import { Store, TOTAL } from "./store.js";
import { SubjectLists } from "./subject_lists.js";
import { routesOf, servicesOf } from "./subjects.js";
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

/** Interval of the list under load. People cannot read more, and each drawing replaces most of its elements. */
const LIST_EVERY_MS = 900;

/** Number of new exchanges that are shown at once. */
const FEW_EXCHANGES = 3;

const store = new Store();
const address = new Address();
// A new filter applies at once, even while the page is paused.
const filters = new Filters(address, () => {
  drawList();
  if (store.state !== undefined) drawMap(store.state, subjectsOf(store.state));
});
const overview = new Overview(byId("overview", HTMLElement));
const headline = new Headline((kind, name) => showExchanges({ [kind]: name }));
const map = new TrafficMap(byId("map", HTMLElement), (kind, name) => filters.toggle(kind, name));
const lists = new SubjectLists(address, {
  onChange: draw,
  onChoice: (kind, name) => showExchanges({ [kind]: name }),
  onExchange: (id) => openExchange(id),
});
const list = byId("waterfall", HTMLElement);
const dialog = byId("detail", HTMLDialogElement);
const mapFold = byId("map-fold", HTMLDetailsElement);
const comparison = new Comparison();
const views = new Views((view) => {
  if (view === "comparison") {
    // The details of an exchange belong to the traffic.
    address.read(address.hash({ id: "" }));
    comparison.open(location.hash);
  } else {
    address.read(location.hash);
  }
  filters.read();
  drawDialog();
  draw();
});
const waterfall = new Waterfall(list, byId("axis", HTMLElement), ({ requestId }) => openExchange(requestId));
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
/** Time at which the list was drawn, by the monotonic clock. */
let listDrawnMs = -Infinity;
/** Request id of the exchange in the dialog. */
let shownId = "";

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
    newCount += store.addExchanges(view).filter((exchange) => filters.matches(exchange)).length;
    drawExchanges();
    drawDialog();
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
dialog.addEventListener("close", () => {
  // The dialog may have been closed because of another fragment, or shows another exchange by now.
  if (dialog.open) return;
  if (views.current === "traffic" && address.get("id") === shownId) address.change({ id: "" });
  shownId = "";
  filters.read();
  drawExchanges();
});
// Not the event "toggle": it comes later, and a drawing between the two would undo the change.
byId("map-summary", HTMLElement).addEventListener("click", (event) => {
  event.preventDefault();
  mapFold.open = !mapFold.open;
  if (store.state === undefined) return;
  address.change({ map: mapFold.open === isComplete(store.state) ? "" : mapFold.open ? "1" : "0" });
  draw();
});
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
  const subjects = subjectsOf(state);
  headline.update(subjects.services, subjects.routes);
  overview.update(store);
  drawMap(state, subjects);
  const spanMs = chartSpanMs(store.series(TOTAL).points);
  lists.update(subjects, spanMs);
  const minutes = Math.floor(spanMs / 60_000);
  setText(byId("chart-span", HTMLElement), `Charts: last ${uptime(minutes * 60_000)}`);
  drawSampling();
  drawExchanges();
}

/** @param {StateView} state */
function subjectsOf(state) {
  const services = servicesOf(store, state);
  return { services, routes: routesOf(store, state, services) };
}

/**
 * @param {StateView} state
 * @param {ReturnType<typeof subjectsOf>} subjects
 */
function drawMap(state, subjects) {
  const isOpen = address.get("map") === "" ? isComplete(state) : address.get("map") === "1";
  if (mapFold.open !== isOpen) mapFold.open = isOpen;
  if (!isOpen) return setText(byId("map-note", HTMLElement), "");
  const shown = map.update(store, state, { choice: filters.choice, ...subjects });
  const note = shown === state.routes.length ? "" : `${shown} of ${count(state.routes.length)} routes: ` +
    (filters.isSet ? "selected by the filters" : "in trouble, or with the most requests");
  setText(byId("map-note", HTMLElement), note);
}

/**
 * Shows the exchanges of a service or a route.
 *
 * @param {Parameters<Filters["select"]>[0]} choice
 */
function showExchanges(choice) {
  filters.select(choice);
  const section = byId("exchanges", HTMLElement);
  section.scrollIntoView();
  section.focus({ preventScroll: true });
}

/** @param {string} id Request id. */
function openExchange(id) {
  address.change({ id }, { isNewEntry: true });
  drawDialog();
}

/** Opens or closes the dialog, as the address demands. */
function drawDialog() {
  const id = views.current === "traffic" ? address.get("id") : "";
  if (id === shownId) return;
  const exchange = (pausedExchanges ?? store.exchanges).find(({ requestId }) => requestId === id) ??
    store.exchanges.find(({ requestId }) => requestId === id);
  if (exchange === undefined) {
    if (dialog.open) dialog.close();
    return;
  }
  shownId = id;
  const link = new URL(`#traffic?${new URLSearchParams({ id })}`, location.href).href;
  showDetail(dialog, exchange, { link, origin: store.state?.url ?? location.origin });
}

function drawExchanges() {
  const isVisible = !document.hidden && views.current === "traffic";
  const isPaused = pausedExchanges !== undefined;
  const isHeld = isPaused || isListInUse || dialog.open;
  if (!isHeld && isVisible && (newCount <= FEW_EXCHANGES || performance.now() - listDrawnMs >= LIST_EVERY_MS)) {
    drawList();
  }
  newExchanges.hidden = newCount === 0 || !isVisible || !isHeld;
  if (newExchanges.hidden) return;
  const reason = isPaused ? "paused" : "paused while the pointer or the focus is in the list";
  setText(newExchanges, `${count(newCount)} new, ${reason}`);
}

function drawList() {
  listDrawnMs = performance.now();
  const matching = (pausedExchanges ?? store.exchanges).filter((exchange) => filters.matches(exchange));
  waterfall.update(matching);
  if (pausedExchanges === undefined) newCount = 0;
  empty.hidden = matching.length > 0;
  if (matching.length === 0) drawEmpty();
}

function drawEmpty() {
  if (store.exchanges.length > 0) {
    const id = address.get("id");
    if (id !== "") {
      const text = `The exchange ${printable(id)} is not among the recent ones that are kept.`;
      return empty.replaceChildren(html("p", { text }));
    }
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
function drawFooter({ version, workers, process, reloads, metrics, timeMs }) {
  const facts = [
    `conductor ${printable(version)}`,
    `up ${uptime(timeMs - metrics.startedMs)}`,
    workers.count === 1 ? "1 worker" : `${workers.count} workers`,
    ...(workers.crashes > 0 ? [`${workers.crashes} crashed`] : []),
    ...(reloads === undefined
      ? []
      : [`${printable(reloads.file)}, loaded ${uptime(timeMs - reloads.lastSuccessMs)} ago`]),
    ...(reloads?.lastRefusal === undefined
      ? []
      : [`last refused reload ${uptime(timeMs - reloads.lastRefusal.timeMs)} ago`]),
    ...(process.residentBytes === undefined ? [] : [`${bytes(process.residentBytes)} resident`]),
    ...(process.descriptors === undefined ? [] : [`${count(process.descriptors)} descriptors`]),
  ];
  const footer = byId("footer", HTMLElement);
  if (footer.childElementCount !== facts.length) footer.replaceChildren(...facts.map(() => html("span")));
  facts.forEach((fact, index) => setText(/** @type {Element} */ (footer.children[index]), fact));
}
