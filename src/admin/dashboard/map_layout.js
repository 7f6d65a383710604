/** @import { RouteView, StateView } from "../api.ts" */
/** @import { Role } from "../../config/config.ts" */

/** Where everything of the map is: clients on the left, routes in the middle, services on the right. */

/** The height of a node. */
const NODE_HEIGHT = 46;

const GAP = 16;
const MARGIN = 6;

/** Below this width, clients are a bar without words. */
const NARROW_BELOW = 640;

/** How far apart lines end at a node. */
const PORT_STEP = 11;

/**
 * @typedef {object} Box A node.
 * @property {string} name The route's pattern or the service's name.
 * @property {number} x Its left edge.
 * @property {number} y Its middle.
 * @property {number} width Its width.
 * @property {number} height Its height.
 */

/**
 * @typedef {object} Edge A line from a route to a service.
 * @property {string} route The route's pattern.
 * @property {string} service The service's name.
 * @property {Role} role The service's role on the route.
 * @property {Curve} curve Its course.
 */

/** @typedef {readonly [x1: number, y1: number, x2: number, y2: number]} Curve A line between two places, level at both. */

/**
 * @typedef {object} Layout The map.
 * @property {number} height Its height.
 * @property {boolean} isNarrow Whether there is little room.
 * @property {Box} clients The clients.
 * @property {readonly Box[]} routes The routes.
 * @property {readonly Box[]} services The services.
 * @property {readonly { route: string, curve: Curve }[]} entries The lines from the clients to the routes.
 * @property {readonly Edge[]} edges The lines from the routes to the services.
 */

/**
 * Lays the map out.
 *
 * @param {Pick<StateView, "routes" | "services">} state What is configured.
 * @param {number} width The room that there is.
 * @returns {Layout} The map.
 */
export function layOut({ routes, services }, width) {
  const isNarrow = width < NARROW_BELOW;
  const clientWidth = isNarrow ? 12 : 118;
  const routeWidth = isNarrow ? Math.floor(width * 0.36) : clamp(width * 0.24, 160, 280);
  const serviceWidth = isNarrow ? Math.floor(width * 0.43) : clamp(width * 0.3, 200, 350);
  const serviceX = width - serviceWidth - 1;
  const routeX = isNarrow ? clientWidth + 18 : clientWidth + (serviceX - clientWidth - routeWidth) * 0.45;

  const ordered = inOrder(routes, services.map(({ name }) => name));
  const heights = ordered.map((name) => {
    const lines = routes.filter(({ members }) => members.some(({ service }) => service === name)).length;
    return Math.max(NODE_HEIGHT, lines * PORT_STEP + 14);
  });
  const serviceYs = stacked(heights);
  const wanted = routes.map(({ members }) =>
    mean(members.map(({ service }) => serviceYs[ordered.indexOf(service)] ?? 0))
  );
  const routeYs = spread(wanted);
  const contentHeight = Math.max(
    (serviceYs.at(-1) ?? 0) + (heights.at(-1) ?? 0) / 2,
    Math.max(0, ...routeYs) + NODE_HEIGHT / 2,
  );
  const height = Math.max(NODE_HEIGHT + 2 * MARGIN, contentHeight + MARGIN);

  const routeBoxes = routes.map(({ route }, index) => box(route, routeX, routeYs[index], routeWidth));
  const serviceBoxes = ordered.map((name, index) => ({
    ...box(name, serviceX, serviceYs[index], serviceWidth),
    height: heights[index] ?? NODE_HEIGHT,
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
      curve: [clients.x + clients.width, clients.y + port(index, routeBoxes.length, isNarrow), routeX, y],
    })),
    edges: routes.flatMap(({ route, members }, routeIndex) =>
      members.map(({ service, role }, index) => {
        const target = ordered.indexOf(service);
        const incoming = byHeight(routes, routeYs).filter(({ members }) =>
          members.some((member) => member.service === service)
        );
        const place = incoming.findIndex((other) => other.route === route);
        const from = (routeYs[routeIndex] ?? 0) + port(order(members, service, ordered, index), members.length);
        const to = (serviceYs[target] ?? 0) + port(place, incoming.length);
        return { route, service, role, curve: /** @type {Curve} */ ([routeX + routeWidth, from, serviceX, to]) };
      })
    ),
  };
}

/**
 * Draws a line.
 *
 * @param {Curve} curve Its course.
 * @returns {string} The path.
 */
export function pathOf([x1, y1, x2, y2]) {
  const bend = (x2 - x1) * 0.5;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/**
 * Finds a place on a line.
 *
 * @param {Curve} curve The line.
 * @param {number} share How far along, from 0 to 1.
 * @returns {[x: number, y: number]} The place.
 */
export function placeOn([x1, y1, x2, y2], share) {
  const rest = 1 - share;
  const bend = (x2 - x1) * 0.5;
  const [a, b, c, d] = [rest ** 3, 3 * rest ** 2 * share, 3 * rest * share ** 2, share ** 3];
  return [a * x1 + b * (x1 + bend) + c * (x2 - bend) + d * x2, (a + b) * y1 + (c + d) * y2];
}

/**
 * @param {readonly RouteView[]} routes The routes.
 * @param {readonly string[]} services All services.
 * @returns {string[]} The services in the order of their first route, and those of none.
 */
function inOrder(routes, services) {
  return [...new Set([...routes.flatMap(({ members }) => members.map(({ service }) => service)), ...services])];
}

/**
 * @param {RouteView["members"]} members The services of a route.
 * @param {string} service One of them.
 * @param {readonly string[]} ordered All services from top to bottom.
 * @param {number} index Its place in the route.
 * @returns {number} Its place among them from top to bottom.
 */
function order(members, service, ordered, index) {
  const sorted = members.map((member) => ordered.indexOf(member.service)).toSorted((a, b) => a - b);
  const place = sorted.indexOf(ordered.indexOf(service));
  return place === -1 ? index : place;
}

/**
 * @param {readonly RouteView[]} routes The routes.
 * @param {readonly number[]} ys Where they are.
 */
function byHeight(routes, ys) {
  return routes.map((route, index) => ({ ...route, y: ys[index] ?? 0 })).toSorted((a, b) => a.y - b.y);
}

/** @param {readonly number[]} heights The heights of nodes that stand below each other. */
function stacked(heights) {
  let top = MARGIN;
  return heights.map((height) => {
    const middle = top + height / 2;
    top += height + GAP;
    return middle;
  });
}

/**
 * @param {readonly number[]} wanted Where nodes would like to be.
 * @returns {number[]} Where they have room, as near to that as can be.
 */
function spread(wanted) {
  const step = NODE_HEIGHT + GAP;
  const places = wanted.map((y, index) => ({ y, index })).toSorted((a, b) => a.y - b.y || a.index - b.index);
  let floor = MARGIN + NODE_HEIGHT / 2;
  for (const place of places) {
    place.y = Math.max(place.y, floor);
    floor = place.y + step;
  }
  return places.toSorted((a, b) => a.index - b.index).map(({ y }) => y);
}

/**
 * @param {number} index Which line.
 * @param {number} total Of how many.
 * @param {boolean} [isNarrow] Whether they end close together.
 */
function port(index, total, isNarrow = false) {
  const step = isNarrow ? 4 : Math.min(PORT_STEP, total > 1 ? (NODE_HEIGHT - 14) / (total - 1) : 0) || 0;
  return (index - (total - 1) / 2) * step;
}

/**
 * @param {string} name What it is.
 * @param {number} x Its left edge.
 * @param {number | undefined} y Its middle.
 * @param {number} width Its width.
 * @returns {Box} The node.
 */
function box(name, x, y, width) {
  return { name, x, y: y ?? 0, width, height: NODE_HEIGHT };
}

/** @param {readonly number[]} numbers Some numbers. */
function mean(numbers) {
  return numbers.length === 0 ? 0 : numbers.reduce((all, number) => all + number, 0) / numbers.length;
}

/**
 * @param {number} value A number.
 * @param {number} least The least.
 * @param {number} most The most.
 */
function clamp(value, least, most) {
  return Math.round(Math.min(most, Math.max(least, value)));
}
