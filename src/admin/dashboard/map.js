/** @import { StateView } from "../api.ts" */
/** @import { Health } from "./health.js" */
/** @import { Box, Curve } from "./map_layout.js" */
/** @import { Store, Point } from "./store.js" */
import { html, set, setText, svg } from "./dom.js";
import { ms, patternParts, percent, printable, rate } from "./format.js";
import { HEALTH_WORDS, healthOf, leftAlone } from "./health.js";
import { layOut, pathOf, placeOn } from "./map_layout.js";
import { signOf, signPath } from "./icons.js";
import { edgeKey, routeKey, serviceKey, TOTAL } from "./store.js";

/** The lines' widths. */
const THINNEST = 1.25;
const THICKEST = 7.5;

/** Where on a line its sign stands. */
const SIGN_AT = 0.7;

/**
 * @typedef {object} Choice What the rest of the page is about.
 * @property {string} route A route's pattern, or nothing.
 * @property {string} service A service's name, or nothing.
 */

/** The live map. It is made anew when the configuration or the room changes, and else only painted. */
export class TrafficMap {
  #room;
  #onChoice;
  #known = "";
  /** @type {((store: Store, look: { state: StateView, choice: Choice, most: number }) => void)[]} */
  #painters = [];

  /**
   * @param {HTMLElement} room Where it goes.
   * @param {(kind: keyof Choice, name: string) => void} onChoice Told when a node is chosen.
   */
  constructor(room, onChoice) {
    this.#room = room;
    this.#onChoice = onChoice;
  }

  /**
   * @param {Store} store What is known.
   * @param {StateView} state The newest state.
   * @param {Choice} choice What the page is about.
   */
  update(store, state, choice) {
    const width = Math.max(280, Math.floor(this.#room.clientWidth));
    const known = JSON.stringify([width, state.routes, state.services]);
    if (known !== this.#known) {
      this.#known = known;
      this.#build(state, width);
    }
    const look = { state, choice, most: mostOf(store, state) };
    for (const paint of this.#painters) paint(store, look);
  }

  /**
   * @param {StateView} state The newest state.
   * @param {number} width The room that there is.
   */
  #build(state, width) {
    this.#painters = [];
    const { height, isNarrow, clients, routes, services, entries, edges } = layOut(state, width);
    const lines = svg("g");
    const signs = svg("g");
    const ports = svg("g");
    for (const { route, curve } of entries) {
      const paint = line(lines, signs, curve, "");
      this.#painters.push((store, { choice, most }) => {
        const { latest } = store.series(routeKey(route));
        paint(latest, { most, health: healthOf(latest), isFaded: fades(choice, { route }) });
      });
    }
    for (const { route, service, role, curve } of edges) {
      const paint = line(lines, signs, curve, role);
      ports.append(port(curve, role));
      this.#painters.push((store, { state, choice, most }) => {
        const { latest } = store.series(edgeKey(route, service));
        const isOpen = leftAlone(stateOf(state, service)) === "breaker open";
        const health = isOpen ? "failing" : healthOf(latest);
        paint(latest, { most, health, isFaded: fades(choice, { route, service }) });
      });
    }
    const size = { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" };
    this.#room.replaceChildren(
      this.#clients(clients, isNarrow),
      svg("svg", size, [lines, signs]),
      ...routes.map((box) => this.#route(box, isNarrow)),
      ...services.map((box) => this.#service(box, isNarrow)),
      svg("svg", { ...size, class: "ports" }, [ports]),
    );
  }

  /**
   * @param {Box} box Where they are.
   * @param {boolean} isNarrow Whether there is no room for words.
   */
  #clients(box, isNarrow) {
    const facts = html("span", { class: "node-facts" });
    this.#painters.push((store) => setText(facts, rate(store.series(TOTAL).latest?.rate ?? 0)));
    const words = [html("span", { class: "node-name", text: "Clients" }), " ", facts];
    return placed(html("div", { class: "node node-clients" }, isNarrow ? [] : words), box);
  }

  /**
   * @param {Box} box Where it is.
   * @param {boolean} isNarrow Whether there is little room.
   */
  #route(box, isNarrow) {
    const [kind, path] = patternParts(box.name);
    const name = html("span", { class: "node-name" }, [
      html("span", { class: "cut", text: path }),
      ...(isNarrow ? [] : [" ", html("span", { class: "node-kind", text: kind })]),
    ]);
    const facts = html("span", { class: "node-facts" });
    const node = this.#node(box, "route", ["Route ", name, " ", facts]);
    this.#painters.push((store, { choice }) => {
      setText(facts, factsOf(store.series(routeKey(box.name)).latest, isNarrow ? 1 : 3));
      set(node, { "aria-pressed": String(choice.route === box.name) });
    });
    return node;
  }

  /**
   * @param {Box} box Where it is.
   * @param {boolean} isNarrow Whether there is little room.
   */
  #service(box, isNarrow) {
    const name = html("span", { class: "node-name" }, [html("span", { class: "cut", text: printable(box.name) })]);
    const facts = html("span", { class: "node-facts" });
    const sign = html("span", { class: "node-sign" });
    const word = html("span", { class: "visually-hidden" });
    const node = this.#node(box, "service", ["Service ", name, " ", facts, sign, ", ", word]);
    /** @type {Health | undefined} */
    let painted;
    this.#painters.push((store, { state, choice }) => {
      const { latest } = store.series(serviceKey(box.name));
      const alone = leftAlone(stateOf(state, box.name));
      const health = alone === undefined ? healthOf(latest) : "failing";
      if (health !== painted) sign.replaceChildren(signOf(painted = health));
      setText(facts, alone ?? factsOf(latest, isNarrow ? 2 : 3));
      setText(word, HEALTH_WORDS[health]);
      set(node, { "data-health": health, "aria-pressed": String(choice.service === box.name) });
    });
    return node;
  }

  /**
   * @param {Box} box Where it is.
   * @param {keyof Choice} kind What it is.
   * @param {readonly (Element | string)[]} children What it says; bare words are for those who do not see the map.
   */
  #node(box, kind, children) {
    const parts = children.map((child) =>
      typeof child === "string" && child.trim() !== "" ? html("span", { class: "visually-hidden", text: child }) : child
    );
    const node = html("button", { type: "button", class: `node node-${kind}`, title: printable(box.name) }, parts);
    node.addEventListener("click", () => this.#onChoice(kind, box.name));
    return placed(node, box);
  }
}

/**
 * @param {SVGGElement} lines Where lines go.
 * @param {SVGGElement} signs Where signs go.
 * @param {Curve} curve The line's course.
 * @param {string} role What it stands for.
 * @returns {(point: Point | undefined, look: { most: number, health: Health, isFaded: boolean }) => void} Paints it.
 */
function line(lines, signs, curve, role) {
  const path = svg("path", { class: `edge ${role}`, d: pathOf(curve) });
  const [x, y] = placeOn(curve, SIGN_AT);
  const sign = svg("g", { class: "edge-sign", transform: `translate(${x} ${y})` });
  lines.append(path);
  signs.append(sign);
  /** @type {Health | undefined} */
  let painted;
  return (point, { most, health, isFaded }) => {
    const share = Math.sqrt(Math.min(1, (point?.rate ?? 0) / Math.max(most, 1e-9)));
    set(path, { "data-health": health, "data-faded": isFaded });
    path.style.strokeWidth = `${(THINNEST + share * (THICKEST - THINNEST)).toFixed(2)}px`;
    set(sign, { "data-faded": isFaded });
    if (health === painted) return;
    painted = health;
    const isTrouble = health === "failing" || health === "degraded";
    sign.replaceChildren(...(isTrouble ? [svg("circle", { class: "edge-sign-ground", r: 9 }), signPath(health)] : []));
  };
}

/**
 * @param {Curve} curve A line to a service.
 * @param {string} role The service's role.
 */
function port([, , x, y], role) {
  return svg("circle", { class: `port ${role}`, cx: x, cy: y, r: 3.6 });
}

/**
 * @template {HTMLElement} Node
 * @param {Node} element A node.
 * @param {Box} box Where it belongs.
 * @returns {Node} The node, there.
 */
function placed(element, { x, y, width, height }) {
  element.style.left = `${x}px`;
  element.style.top = `${y - height / 2}px`;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  return element;
}

/**
 * @param {StateView} state The newest state.
 * @param {string} name A service.
 */
function stateOf({ metrics }, name) {
  return metrics.states.find(({ service }) => service === name);
}

/**
 * Tells whether something has nothing to do with what the page is about.
 *
 * @param {Choice} choice What the page is about.
 * @param {Partial<Choice>} thing The thing.
 */
function fades(choice, { route, service }) {
  return (choice.route !== "" && route !== undefined && route !== choice.route) ||
    (choice.service !== "" && service !== undefined && service !== choice.service);
}

/**
 * @param {Store} store What is known.
 * @param {StateView} state The newest state.
 * @returns {number} The rate of the thickest line.
 */
function mostOf(store, { routes }) {
  const keys = routes.flatMap(({ route, members }) => [
    routeKey(route),
    ...members.map(({ service }) => edgeKey(route, service)),
  ]);
  return Math.max(0, ...keys.map((key) => store.series(key).latest?.rate ?? 0));
}

/**
 * @param {Point | undefined} point The last few seconds.
 * @param {number} most How many figures there is room for.
 */
function factsOf(point, most) {
  if (point === undefined || point.rate === 0) return "no traffic";
  return [rate(point.rate), percent(point.success), ms(point.p50)].slice(0, most).join(" · ");
}
