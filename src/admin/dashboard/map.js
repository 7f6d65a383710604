/** @import { StateView } from "../api.ts" */
/** @import { Health } from "./health.js" */
/** @import { Box, Curve } from "./map_layout.js" */
/** @import { Store, Point } from "./store.js" */
/** @import { Subject } from "./subjects.js" */
import { html, set, setText, svg } from "./dom.js";
import { ms, patternParts, percent, printable, rate } from "./format.js";
import { HEALTH_LABELS, judgeRoute, judgeService, unavailableReason } from "./health.js";
import { healthIcon, healthPath } from "./icons.js";
import { curvePath, layOutMap, pointOn } from "./map_layout.js";
import { edgeKey, routeKey, TOTAL } from "./store.js";
import { isInTrouble } from "./subjects.js";

const MIN_LINE_WIDTH = 1.25;
const MAX_LINE_WIDTH = 7.5;

/** Maximum routes and services of a map that shows all of them. */
const MAX_COMPLETE = { routes: 12, services: 16 };

/** Number of routes in the map of a larger configuration. */
const MAX_ROUTES = 8;

/** Position of the icon on a line, 0 to 1. */
const ICON_POSITION = 0.7;

/**
 * @typedef {object} Choice Selected route and service.
 * @property {string} route Pattern of a route; empty for all.
 * @property {string} service Name of a service; empty for all.
 */

/**
 * @typedef {object} MapView Input of a repaint.
 * @property {StateView} state
 * @property {Choice} choice
 * @property {number} maxRate Rate of the widest line.
 * @property {ReadonlyMap<string, Subject>} services Services by name.
 */

/** @typedef {Pick<StateView, "routes" | "services">} Part Part of the configuration that the map shows. */

/**
 * Reports whether a configuration fits on the map as a whole.
 *
 * @param {Part} state
 * @returns {boolean}
 */
export function isComplete({ routes, services }) {
  return routes.length <= MAX_COMPLETE.routes && services.length <= MAX_COMPLETE.services;
}

/** Live map of the traffic. Elements are created when the configuration or the width changes, and otherwise repainted. */
export class TrafficMap {
  #container;
  #onChoice;
  #known = "";
  #partKey = "";
  /** @type {Part} */
  #part = { routes: [], services: [] };
  /** @type {((store: Store, view: MapView) => void)[]} */
  #painters = [];

  /**
   * @param {HTMLElement} container
   * @param {(kind: keyof Choice, name: string) => void} onChoice Called when a route or a service is clicked.
   */
  constructor(container, onChoice) {
    this.#container = container;
    this.#onChoice = onChoice;
  }

  /**
   * @param {Store} store
   * @param {StateView} state
   * @param {{ choice: Choice, services: readonly Subject[], routes: readonly Subject[] }} view
   * @returns {number} Number of routes on the map.
   */
  update(store, state, { choice, services, routes }) {
    const width = Math.max(280, Math.floor(this.#container.clientWidth));
    const configured = JSON.stringify([state.routes, state.services]);
    const troubled = routes.filter(isInTrouble);
    const partKey = isComplete(state)
      ? configured
      : JSON.stringify([configured, choice, troubled.slice(0, MAX_ROUTES).map(({ name }) => name)]);
    if (partKey !== this.#partKey) {
      this.#partKey = partKey;
      this.#part = isComplete(state) ? state : partOf(state, choice, { routes, troubled });
    }
    const known = `${width}\n${partKey}`;
    if (known !== this.#known) {
      this.#known = known;
      this.#build(this.#part, width);
    }
    const view = {
      state,
      choice,
      maxRate: maxRateOf(store, this.#part),
      services: new Map(services.map((service) => [service.name, service])),
    };
    for (const paint of this.#painters) paint(store, view);
    return this.#part.routes.length;
  }

  /**
   * @param {Part} part
   * @param {number} width
   */
  #build(part, width) {
    this.#painters = [];
    const { height, isNarrow, clients, routes, services, entries, edges } = layOutMap(part, width);
    const lines = svg("g");
    const icons = svg("g");
    const ports = svg("g");
    for (const { route, curve } of entries) {
      const paint = line({ lines, icons }, curve, "");
      this.#painters.push((store, { choice, maxRate }) => {
        const { latest, active } = store.series(routeKey(route));
        paint(latest, { maxRate, health: judgeRoute(active).health, isDimmed: isDimmed(choice, { route }) });
      });
    }
    for (const { route, service, role, curve } of edges) {
      const paint = line({ lines, icons }, curve, role);
      ports.append(port(curve, role));
      this.#painters.push((store, { state, choice, maxRate }) => {
        const { latest, active } = store.series(edgeKey(route, service));
        const unavailable = unavailableReason(stateOf(state, service));
        // A half-open breaker sends a probe, whose outcome shows on the line.
        const isCut = unavailable === "breaker open" || unavailable === "unhealthy";
        const health = isCut ? "failing" : judgeService(active, undefined).health;
        paint(latest, { maxRate, health, isDimmed: isDimmed(choice, { route, service }) });
      });
    }
    const size = { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" };
    this.#container.replaceChildren(
      this.#clients(clients, isNarrow),
      svg("svg", size, [lines, icons]),
      ...routes.map((box) => this.#route(box, isNarrow)),
      ...services.map((box) => this.#service(box, isNarrow)),
      svg("svg", { ...size, class: "ports" }, [ports]),
    );
  }

  /**
   * @param {Box} box
   * @param {boolean} isNarrow True if there is no space for text.
   */
  #clients(box, isNarrow) {
    const facts = html("span", { class: "node-facts" });
    this.#painters.push((store) => setText(facts, rate(store.series(TOTAL).latest?.rate ?? 0)));
    const text = [html("span", { class: "node-name", text: "Clients" }), " ", facts];
    // A narrow map has no space beside its lines. The overview above it shows the same rate.
    return position(html("div", { class: "node node-clients" }, isNarrow ? [] : text), box);
  }

  /**
   * @param {Box} box
   * @param {boolean} isNarrow True if there is little space for text.
   */
  #route(box, isNarrow) {
    const [kind, path] = patternParts(box.name);
    const name = html("span", { class: "node-name" }, [
      html("span", { class: "truncated", text: path }),
      " ",
      html("span", { class: "node-kind", text: kind }),
    ]);
    const facts = html("span", { class: "node-facts" });
    const node = this.#node(box, "route", ["Route ", name, " ", facts]);
    this.#painters.push((store, { choice }) => {
      setText(facts, figuresOf(store.series(routeKey(box.name)).latest, isNarrow));
      set(node, { "aria-pressed": String(choice.route === box.name) });
    });
    return node;
  }

  /**
   * @param {Box} box
   * @param {boolean} isNarrow True if there is little space for text.
   */
  #service(box, isNarrow) {
    const name = html("span", { class: "node-name" }, [
      html("span", { class: "truncated", text: printable(box.name) }),
    ]);
    const facts = html("span", { class: "node-facts" });
    const icon = html("span", { class: "node-icon" });
    const label = html("span", { class: "visually-hidden" });
    const node = this.#node(box, "service", ["Service ", name, " ", facts, icon, ", ", label]);
    /** @type {Health | undefined} */
    let painted;
    this.#painters.push((_store, { choice, services }) => {
      const service = services.get(box.name);
      if (service === undefined) return;
      const { health, reason, series: { latest } } = service;
      if (health !== painted) icon.replaceChildren(healthIcon(painted = health));
      setText(facts, isInTrouble(service) ? reason : figuresOf(latest, isNarrow));
      setText(label, HEALTH_LABELS[health]);
      set(node, { "data-health": health, "aria-pressed": String(choice.service === box.name) });
    });
    return node;
  }

  /**
   * @param {Box} box
   * @param {keyof Choice} kind
   * @param {readonly (Element | string)[]} children Strings are for screen readers only.
   */
  #node(box, kind, children) {
    const parts = children.map((child) =>
      typeof child === "string" && child.trim() !== "" ? html("span", { class: "visually-hidden", text: child }) : child
    );
    const node = html("button", { type: "button", class: `node node-${kind}`, title: printable(box.name) }, parts);
    node.addEventListener("click", () => this.#onChoice(kind, box.name));
    return position(node, box);
  }
}

/**
 * Creates a line with its icon, and returns the function that repaints them.
 *
 * @param {{ lines: SVGGElement, icons: SVGGElement }} groups
 * @param {Curve} curve
 * @param {string} role
 * @returns {(point: Point | undefined, view: { maxRate: number, health: Health, isDimmed: boolean }) => void}
 */
function line({ lines, icons }, curve, role) {
  const path = svg("path", { class: `edge ${role}`, d: curvePath(curve) });
  const [x, y] = pointOn(curve, ICON_POSITION);
  const icon = svg("g", { class: "edge-icon", transform: `translate(${x} ${y})` });
  lines.append(path);
  icons.append(icon);
  /** @type {Health | undefined} */
  let painted;
  return (point, { maxRate, health, isDimmed }) => {
    const ratio = Math.sqrt(Math.min(1, (point?.rate ?? 0) / Math.max(maxRate, 1e-9)));
    set(path, { "data-health": health, "data-dimmed": isDimmed });
    path.style.strokeWidth = `${(MIN_LINE_WIDTH + ratio * (MAX_LINE_WIDTH - MIN_LINE_WIDTH)).toFixed(2)}px`;
    set(icon, { "data-dimmed": isDimmed });
    if (health === painted) return;
    painted = health;
    const isShown = health === "failing" || health === "degraded";
    icon.replaceChildren(...(isShown ? [svg("circle", { class: "edge-icon-ground", r: 9 }), healthPath(health)] : []));
  };
}

/**
 * Creates the end of a line at a service.
 *
 * @param {Curve} curve
 * @param {string} role
 */
function port([, , x, y], role) {
  return svg("circle", { class: `port ${role}`, cx: x, cy: y, r: 3.6 });
}

/**
 * @template {HTMLElement} Node
 * @param {Node} element
 * @param {Box} box
 * @returns {Node}
 */
function position(element, { x, y, width, height }) {
  element.style.left = `${x}px`;
  element.style.top = `${y - height / 2}px`;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  return element;
}

/**
 * @param {StateView} state
 * @param {string} name
 */
function stateOf({ metrics }, name) {
  return metrics.states.find(({ service }) => service === name);
}

/**
 * Reports whether a line does not belong to the selected route and service.
 *
 * @param {Choice} choice
 * @param {Partial<Choice>} line
 */
function isDimmed(choice, { route, service }) {
  return (choice.route !== "" && route !== undefined && route !== choice.route) ||
    (choice.service !== "" && service !== undefined && service !== choice.service);
}

/**
 * Returns the part of a large configuration that the map shows: the selected routes, otherwise those in trouble and those
 * with the most requests, in the order of the configuration.
 *
 * @param {StateView} state
 * @param {Choice} choice
 * @param {{ routes: readonly Subject[], troubled: readonly Subject[] }} subjects
 * @returns {Part}
 */
function partOf(state, choice, { routes, troubled }) {
  const isChosen = (/** @type {Subject} */ { name, members }) =>
    name === choice.route || members.some((member) => member.name === choice.service);
  const busiest = routes.toSorted((a, b) => b.total.total - a.total.total);
  const chosen = routes.filter(isChosen);
  const ranked = chosen.length > 0 ? chosen : [...troubled, ...busiest];
  const names = new Set([...new Set(ranked.map(({ name }) => name))].slice(0, MAX_ROUTES));
  const shown = state.routes.filter(({ route }) => names.has(route));
  const members = new Set(shown.flatMap(({ members }) => members.map(({ service }) => service)));
  return { routes: shown, services: state.services.filter(({ name }) => members.has(name)) };
}

/**
 * @param {Store} store
 * @param {Part} part
 * @returns {number}
 */
function maxRateOf(store, { routes }) {
  const keys = routes.flatMap(({ route, members }) => [
    routeKey(route),
    ...members.map(({ service }) => edgeKey(route, service)),
  ]);
  return Math.max(0, ...keys.map((key) => store.series(key).latest?.rate ?? 0));
}

/**
 * @param {Point | undefined} point
 * @param {boolean} isNarrow True to use two lines.
 */
function figuresOf(point, isNarrow) {
  if (point === undefined || point.rate === 0) return "no traffic";
  return `${rate(point.rate)} · ${percent(point.success)}${isNarrow ? "\n" : " · "}${ms(point.p50)}`;
}
