/** @import { StateView } from "../api.ts" */
/** @import { Health } from "./health.js" */
/** @import { Box, Curve } from "./map_layout.js" */
/** @import { Store, Point } from "./store.js" */
import { set, setText, svg } from "./dom.js";
import { ms, percent, printable, rate } from "./format.js";
import { HEALTH_WORDS, healthOf, leftAlone } from "./health.js";
import { layOut, NODE_HEIGHT, pathOf, placeOn } from "./map_layout.js";
import { signPath } from "./signs.js";
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
  /** @type {((store: Store, state: StateView, choice: Choice) => void)[]} */
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
    for (const paint of this.#painters) paint(store, state, choice);
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
    const nodes = svg("g");

    for (const { route, curve } of entries) {
      const paint = line(lines, signs, curve, "");
      this.#painters.push((store, _state, choice) => {
        const { latest } = store.series(routeKey(route));
        paint(latest, { most: mostOf(store, state), health: healthOf(latest), isFaded: fades(choice, { route }) });
      });
    }
    for (const { route, service, role, curve } of edges) {
      const paint = line(lines, signs, curve, role);
      this.#painters.push((store, { metrics }, choice) => {
        const { latest } = store.series(edgeKey(route, service));
        const isAlone = leftAlone(metrics.states.find((state) => state.service === service)) === "breaker open";
        const health = isAlone ? "failing" : healthOf(latest);
        paint(latest, { most: mostOf(store, state), health, isFaded: fades(choice, { route, service }) });
      });
      nodes.append(port(curve, role));
    }
    nodes.prepend(this.#clients(clients, isNarrow));
    for (const box of routes) nodes.prepend(this.#route(box, isNarrow));
    for (const box of services) {
      const ports = edges.filter((edge) => edge.service === box.name).length;
      nodes.prepend(this.#service(box, { isNarrow, height: Math.max(NODE_HEIGHT, ports * 11 + 14) }));
    }
    const label =
      `Map of the traffic: ${routes.length} routes, ${services.length} services. All figures are in the list of services.`;
    const picture = svg("svg", {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": label,
    });
    picture.append(lines, signs, nodes);
    this.#room.replaceChildren(picture);
  }

  /**
   * @param {Box} box Where they are.
   * @param {boolean} isNarrow Whether there is no room for words.
   */
  #clients(box, isNarrow) {
    const node = svg("g", { class: "node clients" }, [rect(box, isNarrow ? NODE_HEIGHT * 1.4 : NODE_HEIGHT)]);
    if (isNarrow) {
      node.append(svg("title", { text: "Clients" }));
      return node;
    }
    const second = text("node-facts", box.x + 14, box.y + 14);
    node.append(text("node-name", box.x + 14, box.y - 4, "Clients"), second);
    this.#painters.push((store) => setText(second, rate(store.series(TOTAL).latest?.rate ?? 0)));
    return node;
  }

  /**
   * @param {Box} box Where it is.
   * @param {boolean} isNarrow Whether there is little room.
   */
  #route(box, isNarrow) {
    const [kind, path] = taken(box.name);
    const node = this.#node(box, "route", NODE_HEIGHT);
    const room = box.width - 24;
    const name = text("node-name", box.x + 12, box.y - 4);
    const kindRoom = isNarrow || kind === "" ? 0 : measured(kind, KIND_FONT) + 10;
    setText(name, fitted(path, NAME_FONT, room - kindRoom));
    const facts = text("node-facts", box.x + 12, box.y + 14);
    node.append(name, facts);
    if (kindRoom > 0) {
      node.append(svg("text", { class: "node-kind", x: box.x + box.width - 12, y: box.y - 4, text: kind }));
    }
    this.#painters.push((store, _state, choice) => {
      const { latest } = store.series(routeKey(box.name));
      setText(facts, factsOf(latest, isNarrow ? 1 : 3));
      describe(node, `Route ${printable(box.name)}: ${wordsOf(latest)}`, choice.route === box.name);
      set(node, { "data-faded": fades(choice, { route: box.name }) });
    });
    return node;
  }

  /**
   * @param {Box} box Where it is.
   * @param {{ isNarrow: boolean, height: number }} room How much room there is.
   */
  #service(box, { isNarrow, height }) {
    const node = this.#node(box, "service", height);
    const name = text("node-name", box.x + 16, box.y - 4);
    setText(name, fitted(printable(box.name), NAME_FONT, box.width - 44));
    const facts = text("node-facts", box.x + 16, box.y + 14);
    const sign = svg("g", { transform: `translate(${box.x + box.width - 16} ${box.y - 8})` });
    node.append(name, facts, sign);
    /** @type {Health | undefined} */
    let painted;
    this.#painters.push((store, { metrics }, choice) => {
      const { latest } = store.series(serviceKey(box.name));
      const alone = leftAlone(metrics.states.find(({ service }) => service === box.name));
      const health = alone === undefined ? healthOf(latest) : "failing";
      if (health !== painted) sign.replaceChildren(signPath(painted = health));
      setText(facts, alone ?? factsOf(latest, isNarrow ? 2 : 3));
      set(node, { "data-health": health, "data-faded": fades(choice, { service: box.name }) });
      const words = `${alone ?? HEALTH_WORDS[health]}, ${wordsOf(latest)}`;
      describe(node, `Service ${printable(box.name)}: ${words}`, choice.service === box.name);
    });
    return node;
  }

  /**
   * @param {Box} box Where it is.
   * @param {keyof Choice} kind What it is.
   * @param {number} height Its height.
   */
  #node(box, kind, height) {
    const node = svg("g", { class: `node ${kind}`, role: "button", tabindex: 0 });
    node.append(svg("title", { text: printable(box.name) }), rect(box, height));
    node.addEventListener("click", () => this.#onChoice(kind, box.name));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.#onChoice(kind, box.name);
    });
    return node;
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
 * @param {Box} box A node.
 * @param {number} height Its height.
 */
function rect({ x, y, width }, height) {
  return svg("rect", { x: x + 0.5, y: y - height / 2 + 0.5, width: width - 1, height: height - 1, rx: 7 });
}

/**
 * @param {string} name Its class.
 * @param {number} x Where it starts.
 * @param {number} y Its base line.
 * @param {string} [content] What it says.
 */
function text(name, x, y, content = "") {
  return svg("text", { class: name, x, y, text: content });
}

/**
 * @param {SVGGElement} node A node.
 * @param {string} label What it is.
 * @param {boolean} isChosen Whether the page is about it.
 */
function describe(node, label, isChosen) {
  set(node, { "aria-label": label, "aria-pressed": String(isChosen) });
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

/** @param {Point | undefined} point The last few seconds. */
function wordsOf(point) {
  if (point === undefined || point.rate === 0) return "no traffic";
  return `${rate(point.rate)}, ${percent(point.success)} succeed, median ${ms(point.p50)}`;
}

/**
 * @param {string} pattern A route's pattern, for example `pathPrefix /api`.
 * @returns {[kind: string, path: string]} Its parts as they are shown.
 */
function taken(pattern) {
  const [, kind = "", path = pattern] = /^(\S+) (\S.*)$/s.exec(pattern) ?? [];
  return [kind === "pathPrefix" ? "prefix" : kind === "pathExact" ? "exact" : printable(kind), printable(path)];
}

const FAMILY = "Inter, system-ui, sans-serif";
const NAME_FONT = `550 14px ${FAMILY}`;
const KIND_FONT = `400 12px ${FAMILY}`;
const canvas = document.createElement("canvas").getContext("2d");

/**
 * @param {string} content A text.
 * @param {string} font Its font.
 */
function measured(content, font) {
  if (canvas === null) return content.length * 8;
  canvas.font = font;
  return canvas.measureText(content).width;
}

/**
 * @param {string} content A text.
 * @param {string} font Its font.
 * @param {number} room How wide it may be.
 * @returns {string} The text, cut where it is wider.
 */
function fitted(content, font, room) {
  if (measured(content, font) <= room) return content;
  const letters = [...content.slice(0, 200)];
  while (letters.length > 1 && measured(`${letters.join("")}…`, font) > room) letters.pop();
  return `${letters.join("")}…`;
}
