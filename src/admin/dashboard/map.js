/** @import { StateView } from "../api.ts" */
/** @import { Health } from "./health.js" */
/** @import { Box, Curve } from "./map_layout.js" */
/** @import { Store, Point } from "./store.js" */
import { html, set, setText, svg } from "./dom.js";
import { ms, patternParts, percent, printable, rate } from "./format.js";
import { HEALTH_LABELS, healthOf, unavailableReason } from "./health.js";
import { healthIcon, healthPath } from "./icons.js";
import { curvePath, layOutMap, pointOn } from "./map_layout.js";
import { edgeKey, routeKey, serviceKey, TOTAL } from "./store.js";

const MIN_LINE_WIDTH = 1.25;
const MAX_LINE_WIDTH = 7.5;

/** Position of the icon on a line, 0 to 1. */
const ICON_POSITION = 0.7;

/**
 * @typedef {object} Choice Selected route and service.
 * @property {string} route Pattern of a route; empty for all.
 * @property {string} service Name of a service; empty for all.
 */

/** @typedef {{ state: StateView, choice: Choice, maxRate: number }} MapView Input of a repaint; the widest line has the rate `maxRate`. */

/** Live map of the traffic. Elements are created when the configuration or the width changes, and otherwise repainted. */
export class TrafficMap {
  #container;
  #onChoice;
  #known = "";
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
   * @param {Choice} choice
   */
  update(store, state, choice) {
    const width = Math.max(280, Math.floor(this.#container.clientWidth));
    const known = JSON.stringify([width, state.routes, state.services]);
    if (known !== this.#known) {
      this.#known = known;
      this.#build(state, width);
    }
    const view = { state, choice, maxRate: maxRateOf(store, state) };
    for (const paint of this.#painters) paint(store, view);
  }

  /**
   * @param {StateView} state
   * @param {number} width
   */
  #build(state, width) {
    this.#painters = [];
    const { height, isNarrow, clients, routes, services, entries, edges } = layOutMap(state, width);
    const lines = svg("g");
    const icons = svg("g");
    const ports = svg("g");
    for (const { route, curve } of entries) {
      const paint = line({ lines, icons }, curve, "");
      this.#painters.push((store, { choice, maxRate }) => {
        const { latest } = store.series(routeKey(route));
        paint(latest, { maxRate, health: healthOf(latest), isDimmed: isDimmed(choice, { route }) });
      });
    }
    for (const { route, service, role, curve } of edges) {
      const paint = line({ lines, icons }, curve, role);
      ports.append(port(curve, role));
      this.#painters.push((store, { state, choice, maxRate }) => {
        const { latest } = store.series(edgeKey(route, service));
        const unavailable = unavailableReason(stateOf(state, service));
        // A half-open breaker sends a probe, whose outcome shows on the line.
        const isCut = unavailable === "breaker open" || unavailable === "unhealthy";
        const health = isCut ? "failing" : healthOf(latest);
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
      ...(isNarrow ? [] : [" ", html("span", { class: "node-kind", text: kind })]),
    ]);
    const facts = html("span", { class: "node-facts" });
    const node = this.#node(box, "route", ["Route ", name, " ", facts]);
    this.#painters.push((store, { choice }) => {
      setText(facts, figuresOf(store.series(routeKey(box.name)).latest, isNarrow ? 1 : 3));
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
    this.#painters.push((store, { state, choice }) => {
      const { latest } = store.series(serviceKey(box.name));
      const unavailable = unavailableReason(stateOf(state, box.name));
      const health = unavailable === undefined ? healthOf(latest) : "failing";
      if (health !== painted) icon.replaceChildren(healthIcon(painted = health));
      setText(facts, unavailable ?? figuresOf(latest, isNarrow ? 2 : 3));
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
 * @param {Store} store
 * @param {StateView} state
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
 * @param {number} maxFigures
 */
function figuresOf(point, maxFigures) {
  if (point === undefined || point.rate === 0) return "no traffic";
  return [rate(point.rate), percent(point.success), ms(point.p50)].slice(0, maxFigures).join(" · ");
}
