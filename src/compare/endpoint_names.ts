/** Names of endpoints: paths that differ only in ids have the same name. */

import { detachString } from "../lib/memory_budget.ts";

/** Options of {@linkcode EndpointNames}. */
export interface EndpointNamesOptions {
  /** Paths with variable segments in braces, for example `/users/{id}`. The first match wins. Default: none. */
  readonly templates?: readonly string[];
  /** Maximum names that are learned. Each method has one further name for all other endpoints. Default: 200. */
  readonly maxEndpoints?: number;
  /** Maximum distinct names of segments at the same position. Further segments count as values. Default: 50. */
  readonly maxSiblings?: number;
  /** Replaces secrets in a path by `{id}`, because names are shown. Default: paths stay as they are. */
  readonly redact?: (path: string) => string;
}

const DEFAULT_MAX_ENDPOINTS = 200;
const DEFAULT_MAX_SIBLINGS = 50;
/** Nodes of the tree for each endpoint. */
const NODES_PER_ENDPOINT = 10;
const MAX_DEPTH = 16;
const MAX_SEGMENT_LENGTH = 64;
/** Segments with fewer hits than this multiple of the average are taken for values. */
const RARE_FACTOR = 4;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const VARIABLE = "{id}";
const REST = "{…}";

/** Numbers, UUIDs, dates and times, hexadecimal texts with a digit, email addresses, four digits in a row anywhere. */
const VALUES = [
  /^[-+]?\d+(?:[.,:]\d+)*$/,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^\d{4}-\d{2}(?:-\d{2})?(?:t.*)?$/i,
  /(?:^|[-_.~])(?=[a-f]*\d)[0-9a-f]{7,}(?:$|[-_.~])/i,
  /@|%40/,
  /\d{4}/,
];
/** Matches the alphabets of base 64 and base 62, as in `cus_NffrFeUfNV2Hib` and `dQw4w9WgXcQ`. */
const RANDOM_PART = /^[A-Za-z0-9+=~]{8,}$/;

interface Node {
  /** Segments that are names, with their subtrees. */
  readonly children: Map<string, Node>;
  /** Number of paths through this node. */
  hits: number;
  /** Subtree of segments that are values. */
  variable: Node | undefined;
  /** True if there were too many different segments. Then all unknown segments are values. */
  isFull: boolean;
}

/**
 * Names the endpoints of one route, from templates or from the paths of requests.
 *
 * Segments that look like ids become `{id}`. At positions with many different segments, rare and new segments count as
 * ids as well.
 */
export class EndpointNames {
  readonly #templates: readonly (readonly string[])[];
  readonly #maxEndpoints: number;
  readonly #maxSiblings: number;
  readonly #root = newNode();
  readonly #names = new Set<string>();
  /**
   * Paths that are the names of their endpoints, with their nodes. Looking them up takes a tenth of the time. There are
   * at most as many as names. Empty after segments have been dropped, because these become values.
   */
  readonly #known = new Map<string, readonly Node[]>();
  readonly #redact: (path: string) => string;
  #nodesLeft: number;

  /** Creates names without learned endpoints. */
  constructor(options: EndpointNamesOptions = {}) {
    this.#templates = (options.templates ?? []).map((template) => template.split("/"));
    this.#maxEndpoints = options.maxEndpoints ?? DEFAULT_MAX_ENDPOINTS;
    this.#maxSiblings = options.maxSiblings ?? DEFAULT_MAX_SIBLINGS;
    this.#nodesLeft = NODES_PER_ENDPOINT * this.#maxEndpoints;
    this.#redact = options.redact ?? ((path) => path);
  }

  /**
   * Returns the name of a request's endpoint, for example `GET /users/{id}`. Above the maximum of endpoints, the name
   * is `GET {…}`. Uncommon methods become `*`. The path has no query.
   */
  nameOf(method: string, path: string): string {
    const verb = METHODS.has(method) ? method : "*";
    const known = this.#known.get(path);
    if (known !== undefined) {
      for (const node of known) node.hits++;
      return this.#bounded(verb, path);
    }
    const segments = this.#redact(path).split("/");
    const template = this.#templates.find((template) => matchesTemplate(template, segments));
    if (template !== undefined) return `${verb} ${template.join("/")}`;
    const nodes: Node[] = [];
    const shape = this.#learn(segments, nodes);
    const name = this.#bounded(verb, shape);
    // A new text, because the path of a request may be a part of a longer text.
    if (shape === path && this.#names.has(name)) this.#known.set(detachString(path, Infinity), nodes);
    return name;
  }

  #bounded(verb: string, shape: string): string {
    const name = `${verb} ${shape}`;
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#maxEndpoints) return `${verb} ${REST}`;
    this.#names.add(name);
    return name;
  }

  /** Returns the shape of a path. Adds the nodes whose hits were counted to `nodes`. */
  #learn(segments: readonly string[], nodes: Node[]): string {
    const parts: string[] = [];
    let node = this.#root;
    for (const [depth, segment] of segments.entries()) {
      if (depth > MAX_DEPTH) return [...parts, REST].join("/");
      const isValue = segment !== "" && (looksLikeValue(segment) || !this.#isName(node, segment));
      const next = isValue ? node.variable : node.children.get(segment);
      const child = next ?? this.#addChild(node, isValue ? undefined : segment);
      parts.push(isValue ? VARIABLE : segment);
      if (child === undefined) return depth === segments.length - 1 ? parts.join("/") : [...parts, REST].join("/");
      child.hits++;
      nodes.push(child);
      node = child;
    }
    return parts.join("/");
  }

  /** Reports whether a segment that does not look like a value is a name. */
  #isName(node: Node, segment: string): boolean {
    if (node.children.has(segment)) return true;
    if (node.children.size >= this.#maxSiblings && !node.isFull) this.#dropRare(node);
    return !node.isFull;
  }

  /** Drops rare segments of a node with too many. Names recur, so a segment as rare as most others is a value. */
  #dropRare(node: Node): void {
    node.isFull = true;
    this.#known.clear();
    let total = 0;
    for (const { hits } of node.children.values()) total += hits;
    const average = total / node.children.size;
    for (const [segment, { hits }] of node.children) {
      if (hits < RARE_FACTOR * average) node.children.delete(segment);
    }
  }

  #addChild(node: Node, segment: string | undefined): Node | undefined {
    if (this.#nodesLeft === 0) return undefined;
    this.#nodesLeft--;
    const child = newNode();
    if (segment === undefined) node.variable = child;
    else node.children.set(segment, child);
    return child;
  }
}

function newNode(): Node {
  return { children: new Map(), hits: 0, variable: undefined, isFull: false };
}

/** Reports whether the segments of a path match those of a template. */
export function matchesTemplate(template: readonly string[], segments: readonly string[]): boolean {
  return template.length === segments.length &&
    template.every((part, index) => part === segments[index] || (part.startsWith("{") && segments[index] !== ""));
}

function looksLikeValue(segment: string): boolean {
  if (segment.length > MAX_SEGMENT_LENGTH) return true;
  return VALUES.some((pattern) => pattern.test(segment)) || segment.split(/[-_.]/).some(isRandom);
}

/** Reports whether a part looks random. Words have no digits among their letters, or a few at the end: `v2`, `utf8`. */
function isRandom(part: string): boolean {
  return RANDOM_PART.test(part) && /\d[A-Za-z]+\d|[A-Za-z]\d[A-Za-z]/.test(part) ||
    (part.length >= 16 && /[a-z][A-Z]+[a-z]+[A-Z]/.test(part) && /\d/.test(part));
}
