/** Links, anchors and code blocks of Markdown pages, with the rules of GitHub. */

/** A link with a relative target. */
export interface MarkdownLink {
  /** Path relative to the page; empty for a link within the page. */
  readonly path: string;
  /** Anchor without `#`; absent if the link has none. */
  readonly anchor?: string;
}

/** A fenced code block. */
export interface CodeBlock {
  /** Language and attributes, such as `ts ignore`. */
  readonly info: string;
  /** Lines between the fences. */
  readonly text: string;
}

/** Separator that splits a page into text and fenced code, in turns. */
const FENCED = /(^ *```+[^\n`]*\n[\s\S]*?^ *```+ *$)/gm;
/** A link whose text may contain code, or inline code that only looks like a link. */
const LINK_OR_CODE = /(?<!!)\[((?:`[^`]*`|[^[\]`])*)\]\(([^)\s]+)\)|`+[^`]+?`+/g;
const FENCE = /^( *)(```+)([^\n`]*)\n([\s\S]*?)^\1\2 *$/gm;

/** Returns all fenced code blocks. */
export function codeBlocks(page: string): CodeBlock[] {
  return [...page.matchAll(FENCE)].map(([, indent = "", , info = "", text = ""]) => ({
    info: info.trim(),
    text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** Returns the links and images with relative targets, in Markdown and in HTML. */
export function relativeLinks(page: string): MarkdownLink[] {
  const text = withoutCode(page);
  const targets = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)/gm),
  ];
  return targets.map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target)).map((target) => {
    const [path = "", anchor] = target.split("#");
    return { path, ...anchor === undefined ? {} : { anchor } };
  });
}

/** Returns the anchors of all headings, with GitHub's rule for duplicates. */
export function headingAnchors(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of page.replaceAll(FENCE, "").matchAll(/^#{1,6} +(.*?) *#*$/gm)) {
    const anchor = githubSlug(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, ""));
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Returns the anchor of a heading: lower case, punctuation removed, spaces replaced by hyphens. */
export function githubSlug(heading: string): string {
  return heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replaceAll(" ", "-");
}

/**
 * Replaces the targets of links, images aside. `replace` returns the new target, or `undefined` to keep only the text.
 */
export function mapLinks(page: string, replace: (target: string) => string | undefined): string {
  return page.split(FENCED).map((part, index) => {
    if (index % 2 === 1) return part;
    return part.replaceAll(LINK_OR_CODE, (found: string, text?: string, target?: string) => {
      if (text === undefined || target === undefined) return found;
      const replacement = replace(target);
      return replacement === undefined ? text : `[${text}](${replacement})`;
    });
  }).join("");
}

function withoutCode(page: string): string {
  return page.replaceAll(FENCE, "").replaceAll(/`+[^`]+?`+/g, "");
}
