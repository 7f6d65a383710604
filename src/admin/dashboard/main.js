/** @import { StateView } from "../api.ts" */
import { shownMs } from "./charts.js";
import { Comparison } from "./comparison.js";
import { connect } from "./connection.js";
import { showDetail } from "./detail.js";
import { byId, html, set, setText } from "./dom.js";
import { Filters } from "./filters.js";
import { bytes, clock, count, printable, rate, uptime } from "./format.js";
import { watchHold } from "./pause_on_interaction.js";
import { TrafficMap } from "./map.js";
import { Overview } from "./overview.js";
import { Services } from "./services.js";
import { drawReloadNotice } from "./reload_notice.js";
import { Store, TOTAL } from "./store.js";
import { Views } from "./views.js";
import { Waterfall } from "./waterfall.js";

/** Puts the page together: what comes in goes to the store, and what is shown is drawn from there. */

const store = new Store();
const filters = new Filters(() => {
  // Another filter is wanted at once, even where all stands still.
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
const link = byId("link", HTMLElement);
const notice = byId("notice", HTMLElement);
const held = byId("held", HTMLElement);
const empty = byId("empty", HTMLElement);

/** @type {Store["exchanges"] | undefined} What the list is made of while the page is paused. */
let paused;
/** @type {boolean | undefined} */
let isLive;
/** Whether the list stands still, as somebody points at it or walks through it. */
let isHeld = false;
/** How many exchanges have come since the list was last drawn. */
let waiting = 0;

connect({
  onState(state) {
    store.addState(state);
    filters.update(state);
    comparison.setState(state);
    drawReloadNotice(byId("reload-notice", HTMLElement), state);
    drawLink();
    draw();
  },
  onExchanges(view) {
    waiting += store.addExchanges(view).length;
    drawExchanges();
  },
  onLink(now) {
    isLive = now;
    drawLink();
  },
});

// Only a session, which has its own path, can be logged out.
byId("log-out", HTMLFormElement).hidden = location.pathname === "/";

pause.addEventListener("click", () => {
  paused = paused === undefined ? store.exchanges : undefined;
  set(pause, { "aria-pressed": String(paused !== undefined) });
  setText(pause, paused === undefined ? "Pause" : "Go on");
  drawLink();
  draw();
});
watchHold(list, (now) => {
  isHeld = now;
  drawExchanges();
});
dialog.addEventListener("close", drawExchanges);
document.addEventListener("visibilitychange", draw);
new ResizeObserver(draw).observe(byId("map", HTMLElement));

/** Draws everything, but not while nobody looks or all stands still. */
function draw() {
  const { state } = store;
  comparison.follow(views.current === "comparison" && paused === undefined && !document.hidden);
  if (state === undefined || paused !== undefined || document.hidden) return;
  drawFoot(state);
  document.title = `${rate(store.series(TOTAL).latest?.rate ?? 0)} · conductor`;
  if (views.current !== "traffic") return;
  overview.update(store);
  map.update(store, state, filters.choice);
  services.update(store, state);
  setText(
    byId("span", HTMLElement),
    `the last ${uptime(Math.floor(shownMs(store.series(TOTAL).points) / 60_000) * 60_000)}`,
  );
  drawSampling();
  drawExchanges();
}

function drawExchanges() {
  const isSeen = !document.hidden && views.current === "traffic";
  const stands = paused !== undefined || isHeld || dialog.open;
  if (!stands && isSeen) drawList();
  held.hidden = waiting === 0 || !isSeen;
  if (!held.hidden) {
    const why = paused === undefined ? "held while you look: move away to see them" : "while paused";
    setText(held, `${count(waiting)} new, ${why}`);
  }
}

function drawList() {
  const fitting = (paused ?? store.exchanges).filter((exchange) => filters.fits(exchange));
  waterfall.update(fitting);
  if (paused === undefined) waiting = 0;
  empty.hidden = fitting.length > 0;
  if (fitting.length === 0) drawEmpty();
}

/** Says what to do where there is nothing to see. */
function drawEmpty() {
  if (store.exchanges.length > 0) {
    empty.replaceChildren(html("p", { text: "None of the recent exchanges fits the filters." }));
    return;
  }
  const { url, routes = [] } = store.state ?? {};
  const path = routes.map(({ route }) => route.split(" ")[1] ?? "/").find((path) => path.startsWith("/")) ?? "/";
  empty.replaceChildren(
    html("p", { text: "No exchanges yet. Send conductor a request, and it appears here:" }),
    html("p", {}, [html("code", { text: `curl ${printable(url ?? "http://HOST:PORT")}${printable(path)}` })]),
  );
}

function drawSampling() {
  const note = byId("sampling", HTMLElement);
  const sampling = store.sampling();
  note.hidden = sampling === undefined;
  if (sampling === undefined) return;
  setText(note, `A sample: about ${rate(sampling.perSecond)} of ${rate(sampling.ofPerSecond)} are recorded.`);
}

function drawLink() {
  const draining = store.state?.draining === true;
  const status = isLive === undefined
    ? "connecting"
    : !isLive
    ? "lost"
    : paused !== undefined
    ? "paused"
    : draining
    ? "draining"
    : "live";
  const words = {
    connecting: "Connecting…",
    lost: "Connection lost",
    paused: "Paused",
    draining: "Draining",
    live: "Live",
  };
  set(link, { "data-link": status });
  set(document.body, { "data-link": status });
  setText(byId("link-text", HTMLElement), words[status]);
  const since = store.state === undefined ? "" : ` What you see is from ${clock(store.state.timeMs).slice(0, 8)}.`;
  const text = status === "lost"
    ? `conductor does not answer; trying again until it does.${since}`
    : status === "draining"
    ? "conductor is about to end: it takes no new requests, and finishes those that it has."
    : "";
  if (notice.hidden !== (text === "")) notice.hidden = text === "";
  setText(notice, text);
}

/** @param {StateView} state The newest state. */
function drawFoot({ version, workers, process, metrics, timeMs }) {
  const facts = [
    `conductor ${printable(version)}`,
    `counting for ${uptime(timeMs - metrics.startedMs)}`,
    workers.count === 1 ? "1 thread" : `${workers.count} threads`,
    ...(workers.crashes > 0 ? [`${workers.crashes} lost`] : []),
    ...(process.residentBytes === undefined ? [] : [`${bytes(process.residentBytes)} resident`]),
    ...(process.descriptors === undefined ? [] : [`${count(process.descriptors)} descriptors`]),
  ];
  const foot = byId("foot", HTMLElement);
  if (foot.childElementCount !== facts.length) foot.replaceChildren(...facts.map(() => html("span")));
  facts.forEach((fact, index) => setText(/** @type {Element} */ (foot.children[index]), fact));
}
