/** @import { Health } from "./health.js" */
/** @import { Kind, Subject } from "./subjects.js" */
import { byId, html, set, setText } from "./dom.js";
import { count } from "./format.js";
import { HEALTH_LABELS } from "./health.js";
import { healthIcon } from "./icons.js";
import { KeyedList } from "./keyed_list.js";
import { isInTrouble } from "./subjects.js";

/** The headline: how many services and routes are in trouble, and the cause of each. */

/** Maximum number of problems in the headline. The list of services has the others. */
const MAX_PROBLEMS = 4;

/** @typedef {ReturnType<typeof problemRow>} ProblemRow */

/** Headline and list of problems. */
export class Headline {
  #element = byId("headline", HTMLElement);
  #icon = byId("headline-icon", HTMLElement);
  #text = byId("headline-text", HTMLElement);
  #note = byId("headline-note", HTMLElement);
  #more = byId("problems-more", HTMLElement);
  #problems;
  /** @type {Health | undefined} */
  #painted;

  /** @param {(kind: Kind, name: string) => void} onChoice Called when a problem is clicked. */
  constructor(onChoice) {
    this.#problems = new KeyedList(byId("problems", HTMLElement), {
      key: (/** @type {Subject} */ { kind, name }) => `${kind}\n${name}`,
      create: ({ kind, name }) => problemRow(() => onChoice(kind, name)),
      fill: fillProblem,
    });
  }

  /**
   * @param {readonly Subject[]} services
   * @param {readonly Subject[]} routes
   */
  update(services, routes) {
    const { health, text, note } = headlineOf(services, routes);
    set(this.#element, { "data-health": health });
    if (health !== this.#painted) this.#icon.replaceChildren(healthIcon(this.#painted = health));
    setText(this.#text, text);
    setText(this.#note, note);
    const problems = problemsOf(services, routes);
    this.#problems.update(problems.slice(0, MAX_PROBLEMS));
    this.#more.hidden = problems.length <= MAX_PROBLEMS;
    setText(this.#more, `${count(problems.length - MAX_PROBLEMS)} more, at the top of the lists below`);
  }
}

/**
 * Returns the headline, for example `2 of 48 services failing` with the note `1 degraded · 3 of 200 routes failing`.
 *
 * @param {readonly Subject[]} services
 * @param {readonly Subject[]} routes
 * @returns {{ health: Health, text: string, note: string }}
 */
export function headlineOf(services, routes) {
  const [failing = 0, degraded = 0, idle = 0] = /** @type {const} */ (["failing", "degraded", "idle"]).map((health) =>
    services.filter((service) => service.health === health).length
  );
  const all = services.length === 1 ? "1 service" : `${count(services.length)} services`;
  // Requests in flight, and aborted ones, are traffic.
  const silent = services.filter(({ health, reason }) => health === "idle" && reason !== HEALTH_LABELS.idle).length;
  const quiet = [[idle - silent, "without traffic"], [silent, "without a response"]].flatMap(([number, text]) =>
    number === 0 ? [] : [`${count(Number(number))} ${number === 1 ? "service" : "services"} ${text}`]
  ).join(" · ");
  const routeTroubles = /** @type {const} */ (["failing", "degraded"]).flatMap((health) => {
    const affected = routes.filter((route) => route.health === health).length;
    return affected === 0 ? [] : [`${count(affected)} ${HEALTH_LABELS[health]}`];
  });
  const routeNote = routeTroubles.length === 0
    ? ""
    : `${count(routes.length)} ${routes.length === 1 ? "route" : "routes"}: ${routeTroubles.join(", ")}`;
  const note = (/** @type {string[]} */ ...parts) => parts.filter((part) => part !== "").join(" · ");
  if (failing) {
    const others = degraded ? `${count(degraded)} degraded` : "";
    return { health: "failing", text: `${count(failing)} of ${all} failing`, note: note(others, routeNote, quiet) };
  }
  const hasFailingRoute = routes.some(({ health }) => health === "failing");
  if (degraded) {
    const health = hasFailingRoute ? "failing" : "degraded";
    return { health, text: `${count(degraded)} of ${all} degraded`, note: note(routeNote, quiet) };
  }
  if (routeNote !== "") return { health: hasFailingRoute ? "failing" : "degraded", text: routeNote, note: quiet };
  if (idle === services.length) return { health: "idle", text: silent > 0 ? "No responses" : "No traffic", note: all };
  return { health: "healthy", text: services.length === 1 ? "1 service healthy" : `All ${all} healthy`, note: quiet };
}

/**
 * Returns the services in trouble, then the routes in trouble that no service explains; each with the failing ones first.
 *
 * @param {readonly Subject[]} services
 * @param {readonly Subject[]} routes
 * @returns {Subject[]}
 */
export function problemsOf(services, routes) {
  const troubled = services.filter(isInTrouble);
  const explained = new Set(troubled.flatMap(({ members }) => members.map(({ name }) => name)));
  const unexplained = routes.filter((route) => isInTrouble(route) && !explained.has(route.name));
  return [...troubled, ...unexplained].sort((a, b) => Number(b.health === "failing") - Number(a.health === "failing"));
}

/** @param {() => void} onClick */
function problemRow(onClick) {
  const icon = html("span", { class: "problem-icon" });
  const name = html("span", { class: "problem-name" });
  const level = html("span", { class: "visually-hidden" });
  const reason = html("span", { class: "problem-reason" });
  const cause = html("span", { class: "problem-cause" });
  const button = html("button", { type: "button", class: "problem" }, [
    icon,
    name,
    " ",
    level,
    " ",
    reason,
    " ",
    cause,
  ]);
  button.addEventListener("click", onClick);
  return { element: html("li", {}, [button]), button, icon, name, level, reason, cause };
}

/**
 * @param {ProblemRow} row
 * @param {Subject} subject
 */
function fillProblem(row, { kind, label, health, reason, cause, members }) {
  if (row.icon.dataset.health !== health) {
    row.icon.dataset.health = health;
    row.icon.replaceChildren(healthIcon(health));
  }
  set(row.button, { "data-health": health, title: cause });
  setText(row.name, label);
  setText(row.level, HEALTH_LABELS[health]);
  const routes = kind === "service" && members.length > 1 ? ` on ${count(members.length)} routes` : "";
  setText(row.reason, `${reason}${routes}`);
  setText(row.cause, cause);
}
