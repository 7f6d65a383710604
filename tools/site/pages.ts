/** Pages of the site, made from the Markdown in docs/. */

import { join, normalize } from "node:path/posix";
import { mapLinks } from "../markdown.ts";

/** An entry of the sidebar. */
export interface SidebarItem {
  /** Title of the page or group. */
  readonly text: string;
  /** Path of the page from the root of the site. */
  readonly link?: string;
  /** Pages of the group. */
  readonly items?: readonly SidebarItem[];
  /** Show the group closed. */
  readonly collapsed?: boolean;
}

const LANDING = `---
layout: home
hero:
  name: conductor
  text: One request in, several backends, one response out
  tagline: Mirror traffic to a new version, compare its responses, fail over without a second round trip, cut tail latency.
  actions:
    - { theme: brand, text: Get started, link: /tutorials/getting-started }
    - { theme: alt, text: How it works, link: /explanation/how-it-works }
    - { theme: alt, text: Configuration, link: /reference/configuration }
---

<img class="light-only" src="./dashboard-light.png" alt="Dashboard: map of clients, routes and services, and recent exchanges on a time axis">
<img class="dark-only" src="./dashboard-dark.png" alt="Dashboard: map of clients, routes and services, and recent exchanges on a time axis">
`;

/** Pages whose tables describe one thing per row: the site shows a row as an entry, which fits a phone. */
const PAGE_CLASSES: Readonly<Record<string, string>> = {
  "reference/configuration.md": "fields",
  "reference/metrics.md": "metrics",
};

/** Path of a page on the site: a folder's README.md is its index. */
export function sitePath(path: string): string {
  return path.replace(/(^|\/)README\.md(?=$|#)/, "$1index.md");
}

/**
 * Converts a page of docs/. Links to files outside docs/ lead to the repository; without its address, only their text
 * remains.
 */
export function sitePage(path: string, text: string, repository: string | undefined): string {
  const linked = mapLinks(text, (target) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return target;
    const [file = "", anchor] = target.split("#");
    const resolved = normalize(join("docs", path, "..", file));
    if (resolved === "docs" || resolved.startsWith("docs/")) return sitePath(target);
    return repository && `${repository}/blob/main/${resolved}${anchor === undefined ? "" : `#${anchor}`}`;
  });
  const page = linked.replaceAll(
    /<picture>\s*<source[^>]* srcset="([^"]+)">\s*<img src="([^"]+)"([^>]*)>\s*<\/picture>/g,
    '<img class="light-only" src="$2"$3>\n<img class="dark-only" src="$1"$3>',
  );
  if (path === "README.md") return LANDING + page.replace(/^# .*\n/, "");
  const pageClass = PAGE_CLASSES[path];
  return pageClass === undefined ? page : `---\npageClass: ${pageClass}\n---\n\n${page}`;
}

/** Returns the sidebar that the index of docs/ describes: a group for each section, with the pages of its list. */
export function sidebarOf(index: string, decisions: string): SidebarItem[] {
  const groups = index.split(/^## /m).slice(1).map((section): SidebarItem => ({
    text: section.slice(0, section.indexOf("\n")),
    items: listed(section).filter(({ link }) => link !== "/decisions/index"),
  }));
  const records = listed(decisions, "decisions/");
  return [...groups, { text: "Decisions", link: "/decisions/index", collapsed: true, items: records }];
}

function listed(section: string, folder = ""): SidebarItem[] {
  return [...section.matchAll(/^- \[(.+?)\]\((\S+?)\.md\)/gm)].map(([, text = "", path = ""]) => ({
    text: text.replaceAll("`", ""),
    link: `/${folder}${path}`.replace(/README$/, "index"),
  }));
}
