/** Collects the numbers of a page. */

/**
 * Returns all texts of the page with a digit: `where` is the part of the page, `label` the name of the number. Runs in the
 * page, so it uses nothing outside.
 */
export function collectNumbers() {
  const shown = [];
  const textOf = (element) => (element?.textContent ?? "").replace(/\s+/g, " ").trim();
  const isHidden = (element) =>
    element.closest(
      "[hidden], script, style, noscript, option, dt, th, label, .chart-title, .subject-head, .map-legend",
    ) !== null;
  const nameIn = (part, selector) => textOf(part.querySelector(selector));
  const labelOf = (element) => {
    if (element.closest(".chart-scale, .ticks") !== null) return "scale";
    if (element.closest(".chart") !== null) {
      return `chart ${element.closest(".chart").getAttribute("aria-label") ?? ""}`.trim();
    }
    if (element.matches(".figure-note, .figure-note *")) {
      return `note ${textOf(element.closest(".figure").querySelector("dt"))}`;
    }
    const definition = element.closest("dd");
    if (definition !== null) return textOf(definition.parentElement.querySelector("dt"));
    const cell = element.closest("td");
    if (cell !== null) {
      const column = textOf(cell.closest("table").querySelectorAll("thead tr > *")[cell.cellIndex]);
      return `${column} ${textOf(cell.parentElement.querySelector("th"))}`;
    }
    if (element.closest(".subject-failure") !== null) return "last failure";
    const item = element.closest("li");
    if (item?.parentElement?.matches(".members, .reasons")) {
      return `${item.parentElement.className} ${[...item.parentElement.children].indexOf(item)}`;
    }
    return element.id !== "" ? `#${element.id}` : element.className;
  };
  const whereOf = (element) => {
    const exchange = element.closest(".exchange");
    if (exchange !== null) {
      return `exchange ${new URLSearchParams(exchange.querySelector("a").hash.slice(9)).get("id")}`;
    }
    const subject = element.closest(".subject");
    if (subject !== null) {
      const part = element.closest(".subject-detail") === null ? "" : " detail";
      return `${subject.parentElement.id} ${nameIn(subject, ".subject-open")}${part}`;
    }
    const node = element.closest(".node");
    if (node !== null) return `map ${node.className.replace("node ", "")} ${nameIn(node, ".truncated")}`;
    const problem = element.closest(".problem");
    if (problem !== null) return `problem ${nameIn(problem, ".problem-name")}`;
    const verdict = element.closest(".verdict");
    if (verdict !== null) return `verdict ${nameIn(verdict, ".verdict-service").replace(/ on .*/, "")}`;
    for (const id of ["differences", "undecided", "mismatches", "reload-notice"]) {
      if (element.closest(`#${id}`) !== null) return id;
    }
    if (element.closest(".figure") !== null) return "overview";
    if (element.closest("#footer") !== null) return "footer";
    return "page";
  };
  const add = (element, text, label = labelOf(element)) => {
    if (!/\d/.test(text) || isHidden(element)) return;
    shown.push({ where: whereOf(element), label, text: text.replace(/[ \n]+/g, " ").trim() });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    add(node.parentElement, node.textContent ?? "");
  }
  for (const element of document.querySelectorAll("[aria-valuetext]")) {
    add(element, element.getAttribute("aria-valuetext"));
  }
  for (const element of document.querySelectorAll("[title]")) {
    const title = element.getAttribute("title");
    if (!textOf(element).includes(title.replace(/\s+/g, " "))) add(element, title, "title");
  }
  const footer = document.querySelector("#footer");
  return shown.map((one) =>
    one.where === "footer"
      ? {
        ...one,
        label: String([...footer.children].findIndex((child) => textOf(child) === one.text.replace(/\s+/g, " "))),
      }
      : one
  );
}
