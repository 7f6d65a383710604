/** @import { Kind, Subject } from "./subjects.js" */
import { Chart } from "./charts.js";
import { byId, html, set, setText } from "./dom.js";
import { count, ms, percent, rate } from "./format.js";
import { healthIcon } from "./icons.js";
import { KeyedList } from "./keyed_list.js";
import { CHART_LINES, updateChart } from "./overview.js";
import { pauseOnInteraction } from "./pause_on_interaction.js";
import { SubjectDetail } from "./subject_detail.js";
import { isFound, ORDERS } from "./subjects.js";

/** The list of services, or of routes: one row for each, which can be opened. */

/** Rows of a list that shows only its first rows. A list with few more shows all. */
const FIRST_ROWS = 10;
const MAX_ROWS_SHOWN = 14;

/**
 * @typedef {object} ListView Input of a drawing.
 * @property {number} spanMs Time span of the charts.
 * @property {string} sort Name of the order.
 * @property {string} find Text of the search.
 * @property {boolean} isAll True to show all rows.
 */

/**
 * @typedef {object} ListListener
 * @property {(kind: Kind, name: string) => void} onChoice Called when the exchanges of a subject are asked for.
 * @property {(id: string) => void} onExchange Called with the request id when an exchange is asked for.
 */

/** @typedef {ReturnType<typeof createRow>} Row */

/** A list of subjects. Charts outside the window are not painted. */
export class SubjectList {
  /** Maximum length of a list that always shows all rows. */
  static maxUncollapsed = MAX_ROWS_SHOWN;
  #element;
  #rows;
  #spanMs = 0;
  #isInUse = false;
  /** @type {WeakMap<Element, Row>} */
  #rowOf = new WeakMap();
  #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rowOf.get(target);
      if (row === undefined) continue;
      row.isVisible = isIntersecting;
      if (isIntersecting) fillCharts(row, this.#spanMs);
    }
  }, { rootMargin: "300px" });

  /**
   * @param {string} id Id of the list.
   * @param {ListListener} listener
   */
  constructor(id, listener) {
    this.#element = byId(id, HTMLElement);
    this.#rows = new KeyedList(this.#element, {
      key: (/** @type {Subject} */ { name }) => name,
      create: (subject) => {
        const row = createRow(subject, listener, () => this.#fill(row, row.subject));
        this.#rowOf.set(row.element, row);
        this.#observer.observe(row.element);
        return row;
      },
      fill: (row, subject) => this.#fill(row, subject),
    });
    pauseOnInteraction(this.#element, (isInUse) => this.#isInUse = isInUse);
  }

  /**
   * Shows the subjects that are found, and returns how many there are and how many of them are shown.
   *
   * @param {readonly Subject[]} subjects In the order of the configuration.
   * @param {ListView} view
   * @returns {{ found: number, shown: number }}
   */
  update(subjects, { spanMs, sort, find, isAll }) {
    this.#spanMs = spanMs;
    const order = ORDERS[sort] ?? /** @type {typeof ORDERS[string]} */ (ORDERS["trouble"]);
    const text = find.trim().toLowerCase();
    const found = subjects.filter((subject) => isFound(subject, text)).sort(order.compare);
    const shown = isAll || found.length <= MAX_ROWS_SHOWN ? found : found.slice(0, FIRST_ROWS);
    this.#rows.update(shown, { isPaused: this.#isInUse });
    return { found: found.length, shown: shown.length };
  }

  /**
   * @param {Row} row
   * @param {Subject} subject
   */
  #fill(row, subject) {
    row.subject = subject;
    fillRow(row);
    if (row.isVisible) fillCharts(row, this.#spanMs);
  }
}

/**
 * @param {Subject} subject
 * @param {ListListener} listener
 * @param {() => void} onOpen Called when the row is opened.
 */
function createRow(subject, listener, onOpen) {
  const icon = html("span", { class: "subject-icon" });
  const open = html("button", {
    type: "button",
    class: "subject-open row-open",
    title: subject.label,
    "aria-expanded": "false",
    text: subject.label,
  });
  const reason = html("span", { class: "subject-reason" });
  const cause = html("span", { class: "subject-cause" });
  const rateCell = cell("Requests", "rate");
  const successCell = cell("Success", "success");
  const latency = { p50: html("dd"), p95: html("dd"), p99: html("dd") };
  const latencyChart = new Chart(CHART_LINES.latency);
  const total = html("dd");
  const details = html("div", { class: "subject-detail", hidden: "" });
  const element = html("li", { class: "subject" }, [
    html("div", { class: "subject-row" }, [
      html("div", { class: "subject-name" }, [
        icon,
        open,
        html("span", { class: "subject-aside", text: subject.aside }),
      ]),
      html("p", { class: "subject-state" }, [reason, " ", cause]),
      html("dl", { class: "subject-figures" }, [
        rateCell.element,
        successCell.element,
        ...Object.entries(latency).map(([name, value]) =>
          html("div", { class: `cell cell-${name}` }, [html("dt", { text: name }), value])
        ),
        html("div", { class: "cell cell-latency" }, [
          html("dt", { class: "visually-hidden", text: "Latency" }),
          html("dd", {}, [latencyChart.element]),
        ]),
        html("div", { class: "cell cell-total" }, [html("dt", { text: "Since start" }), total]),
      ]),
    ]),
    details,
  ]);
  const row = {
    element,
    subject,
    // The observer reports later; a new row must not stay empty until then.
    isVisible: true,
    icon,
    open,
    reason,
    cause,
    rateCell,
    successCell,
    latency,
    latencyChart,
    total,
    details,
    /** @type {SubjectDetail | undefined} */
    detail: undefined,
  };
  open.addEventListener("click", () => {
    const isOpen = details.hidden;
    details.hidden = !isOpen;
    set(open, { "aria-expanded": String(isOpen) });
    row.detail = isOpen ? new SubjectDetail(details, row.subject, listener) : undefined;
    if (isOpen) onOpen();
    else details.replaceChildren();
  });
  return row;
}

/**
 * Writes the texts of a row. Rows outside the window have them too, for screen readers and for searches in the page.
 *
 * @param {Row} row
 */
function fillRow(row) {
  const { health, reason, cause, series, total } = row.subject;
  const { latest } = series;
  set(row.element, { "data-health": health });
  if (row.icon.dataset.health !== health) {
    row.icon.dataset.health = health;
    row.icon.replaceChildren(healthIcon(health));
  }
  setText(row.reason, reason);
  setText(row.cause, cause);
  set(row.cause, { title: cause });
  setText(row.rateCell.value, rate(latest?.rate ?? 0));
  setText(row.successCell.value, percent(latest?.success ?? NaN));
  for (const name of /** @type {const} */ (["p50", "p95", "p99"])) {
    setText(row.latency[name], ms(latest?.[name] ?? NaN));
  }
  setText(row.total, count(total.total));
}

/**
 * @param {Row} row
 * @param {number} spanMs Time span of the charts.
 */
function fillCharts(row, spanMs) {
  const { subject } = row;
  const { points } = subject.series;
  updateChart(row.rateCell.chart, points, { spanMs, kind: "rate" });
  updateChart(row.successCell.chart, points, { spanMs, kind: "success" });
  updateChart(row.latencyChart, points, { spanMs, kind: "latency" });
  row.detail?.update(subject, spanMs);
}

/**
 * @param {string} name
 * @param {"rate" | "success"} kind
 */
function cell(name, kind) {
  const value = html("span", { class: "cell-value", text: "–" });
  const chart = new Chart(CHART_LINES[kind]);
  const element = html("div", { class: `cell cell-${kind}` }, [
    html("dt", { text: name }),
    html("dd", {}, [value, chart.element]),
  ]);
  return { element, value, chart };
}
