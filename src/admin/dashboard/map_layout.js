/** @import { RouteView, StateView } from "../api.ts" */
/** @import { Role } from "../../config/config.ts" */

/** Layout of the map: clients on the left, routes in the middle, services on the right. Lengths are in CSS pixels. */

/** Height of a node with few lines. On a narrow map, its figures need two lines of text. */
const NODE_HEIGHT = 46;
const NARROW_NODE_HEIGHT = 62;

const GAP = 16;
const MARGIN = 6;

/** Minimum width for a client node with text. */
const MIN_WIDE = 640;

/** Distance between the ends of lines at a node. */
const PORT_STEP = 11;

/**
 * @typedef {object} Box A node.
 * @property {string} name Pattern of the route, or name of the service.
 * @property {number} x Left edge.
 * @property {number} y Vertical centre.
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} Edge A line from a route to a service.
 * @property {string} route Pattern of the route.
 * @property {string} service Name of the service.
 * @property {Role} role Role of the service on the route.
 * @property {Curve} curve
 */

/** @typedef {readonly [x1: number, y1: number, x2: number, y2: number]} Curve A line between two points, horizontal at both. */

/**
 * @typedef {object} Layout
 * @property {number} height
 * @property {boolean} isNarrow True if there is little space for text.
 * @property {Box} clients
 * @property {readonly Box[]} routes
 * @property {readonly Box[]} services
 * @property {readonly { route: string, curve: Curve }[]} entries Lines from the clients to the routes.
 * @property {readonly Edge[]} edges Lines from the routes to the services.
 */

/**
 * Returns the layout for a width.
 *
 * @param {Pick<StateView, "routes" | "services">} state
 * @param {number} width
 * @returns {Layout}
 */
export function layOutMap({ routes, services }, width) {
  const isNarrow = width < MIN_WIDE;
  const nodeHeight = isNarrow ? NARROW_NODE_HEIGHT : NODE_HEIGHT;
  const clientWidth = isNarrow ? 12 : 118;
  const routeWidth = isNarrow ? Math.floor(width * 0.36) : clamp(width * 0.24, 160, 280);
  const serviceWidth = isNarrow ? Math.floor(width * 0.43) : clamp(width * 0.3, 200, 350);
  const serviceX = width - serviceWidth - 1;
  const routeX = isNarrow ? clientWidth + 18 : clientWidth + (serviceX - clientWidth - routeWidth) * 0.45;

  const ordered = sortServices(routes, services.map(({ name }) => name));
  const heights = ordered.map((name) => {
    const lines = routes.filter(({ members }) => members.some(({ service }) => service === name)).length;
    return Math.max(nodeHeight, lines * PORT_STEP + 14);
  });
  const serviceYs = stack(heights);
  const idealYs = routes.map(({ members }) =>
    mean(members.map(({ service }) => serviceYs[ordered.indexOf(service)] ?? 0))
  );
  const routeYs = spread(idealYs, nodeHeight);
  const contentHeight = Math.max(
    (serviceYs.at(-1) ?? 0) + (heights.at(-1) ?? 0) / 2,
    Math.max(0, ...routeYs) + nodeHeight / 2,
  );
  const height = Math.max(nodeHeight + 2 * MARGIN, contentHeight + MARGIN);

  const box = (
    /** @type {string} */ name,
    /** @type {number} */ x,
    /** @type {number | undefined} */ y,
    /** @type {number} */ width,
  ) => ({ name, x, y: y ?? 0, width, height: nodeHeight });
  const routeBoxes = routes.map(({ route }, index) => box(route, routeX, routeYs[index], routeWidth));
  const serviceBoxes = ordered.map((name, index) => ({
    ...box(name, serviceX, serviceYs[index], serviceWidth),
    height: heights[index] ?? nodeHeight,
  }));
  const clients = box("clients", 1, routeYs.length === 0 ? height / 2 : mean(routeYs), clientWidth);

  return {
    height,
    isNarrow,
    clients,
    routes: routeBoxes,
    services: serviceBoxes,
    entries: routeBoxes.map(({ name, y }, index) => ({
      route: name,
      curve: [clients.x + clients.width, clients.y + portOffset(index, routeBoxes.length, isNarrow), routeX, y],
    })),
    edges: routes.flatMap(({ route, members }, routeIndex) =>
      members.map(({ service, role }, index) => {
        const target = ordered.indexOf(service);
        const incoming = sortByY(routes, routeYs).filter(({ members }) =>
          members.some((member) => member.service === service)
        );
        const rank = incoming.findIndex((other) => other.route === route);
        const from = (routeYs[routeIndex] ?? 0) + portOffset(rankOf(members, service, ordered, index), members.length);
        const to = (serviceYs[target] ?? 0) + portOffset(rank, incoming.length);
        return { route, service, role, curve: /** @type {Curve} */ ([routeX + routeWidth, from, serviceX, to]) };
      })
    ),
  };
}

/**
 * Returns the SVG path of a curve.
 *
 * @param {Curve} curve
 * @returns {string}
 */
export function curvePath([x1, y1, x2, y2]) {
  const bend = (x2 - x1) * 0.5;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/**
 * Returns a point on a curve.
 *
 * @param {Curve} curve
 * @param {number} position 0 at the start, 1 at the end.
 * @returns {[x: number, y: number]}
 */
export function pointOn([x1, y1, x2, y2], position) {
  const rest = 1 - position;
  const bend = (x2 - x1) * 0.5;
  const [a, b, c, d] = [rest ** 3, 3 * rest ** 2 * position, 3 * rest * position ** 2, position ** 3];
  return [a * x1 + b * (x1 + bend) + c * (x2 - bend) + d * x2, (a + b) * y1 + (c + d) * y2];
}

/**
 * Sorts services by their first route. Services without a route are last.
 *
 * @param {readonly RouteView[]} routes
 * @param {readonly string[]} services
 * @returns {string[]}
 */
function sortServices(routes, services) {
  return [...new Set([...routes.flatMap(({ members }) => members.map(({ service }) => service)), ...services])];
}

/**
 * Returns the rank of a service among the members of a route, from top to bottom.
 *
 * @param {RouteView["members"]} members
 * @param {string} service
 * @param {readonly string[]} ordered All services from top to bottom.
 * @param {number} index Index of the service in the members.
 * @returns {number}
 */
function rankOf(members, service, ordered, index) {
  const sorted = members.map((member) => ordered.indexOf(member.service)).toSorted((a, b) => a - b);
  const rank = sorted.indexOf(ordered.indexOf(service));
  return rank === -1 ? index : rank;
}

/**
 * @param {readonly RouteView[]} routes
 * @param {readonly number[]} ys Vertical centres of the routes.
 */
function sortByY(routes, ys) {
  return routes.map((route, index) => ({ ...route, y: ys[index] ?? 0 })).toSorted((a, b) => a.y - b.y);
}

/**
 * Returns the vertical centres of nodes that stand below each other.
 *
 * @param {readonly number[]} heights
 */
function stack(heights) {
  let top = MARGIN;
  return heights.map((height) => {
    const centre = top + height / 2;
    top += height + GAP;
    return centre;
  });
}

/**
 * Returns vertical centres that are close to the ideal ones and do not overlap.
 *
 * @param {readonly number[]} idealYs
 * @param {number} nodeHeight
 * @returns {number[]}
 */
function spread(idealYs, nodeHeight) {
  const step = nodeHeight + GAP;
  const nodes = idealYs.map((y, index) => ({ y, index })).toSorted((a, b) => a.y - b.y || a.index - b.index);
  let minY = MARGIN + nodeHeight / 2;
  for (const node of nodes) {
    node.y = Math.max(node.y, minY);
    minY = node.y + step;
  }
  return nodes.toSorted((a, b) => a.index - b.index).map(({ y }) => y);
}

/**
 * Returns the vertical distance of the end of a line from the centre of its node.
 *
 * @param {number} index Index of the line at the node.
 * @param {number} total Number of lines at the node.
 * @param {boolean} [isNarrow]
 */
function portOffset(index, total, isNarrow = false) {
  const step = isNarrow ? 4 : Math.min(PORT_STEP, total > 1 ? (NODE_HEIGHT - 14) / (total - 1) : 0) || 0;
  return (index - (total - 1) / 2) * step;
}

/** @param {readonly number[]} numbers */
function mean(numbers) {
  return numbers.length === 0 ? 0 : numbers.reduce((total, number) => total + number, 0) / numbers.length;
}

/**
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
function clamp(value, min, max) {
  return Math.round(Math.min(max, Math.max(min, value)));
}
