/** Endpoints: paths that differ in their ids only are one, and there is never an end of them. */

/** What {@linkcode EndpointNames} is made with. */
export interface EndpointOptions {
  /** Paths with variable segments in braces, for example `/users/{id}`; the first that fits is taken. Default: none. */
  readonly templates?: readonly string[];
  /** How many names are learned at most, besides one for the rest of each method. Default: 200. */
  readonly maxEndpoints?: number;
  /** How many different segments in one place are taken for names, not for values. Default: 50. */
  readonly maxSiblings?: number;
}

const DEFAULT_MAX_ENDPOINTS = 200;
const DEFAULT_MAX_SIBLINGS = 50;
const MAX_DEPTH = 16;
const MAX_SEGMENT_LENGTH = 64;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const VARIABLE = "{id}";
const REST = "{…}";

/** Numbers, UUIDs, dates and times, hexadecimal texts with a digit, e-mail addresses, four digits in a row anywhere. */
const VALUES = [
  /^[-+]?\d+(?:[.,:]\d+)*$/,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^\d{4}-\d{2}(?:-\d{2})?(?:t.*)?$/i,
  /(?:^|[-_.~])(?=[a-f]*\d)[0-9a-f]{7,}(?:$|[-_.~])/i,
  /@|%40/,
  /\d{4}/,
];
/** Letters and digits in turns, as in base 64 or 62: `cus_NffrFeUfNV2Hib`, `dQw4w9WgXcQ`. */
const RANDOM_PART = /^[A-Za-z0-9+=~]{8,}$/;

interface Node {
  /** Segments that are names, and what follows on them. */
  readonly children: Map<string, Node>;
  /** How often it was passed. */
  hits: number;
  /** What follows on values. */
  variable: Node | undefined;
  /** Whether new segments are values, for there have been too many. */
  isFull: boolean;
}

/**
 * Names the endpoints of one route: from templates, or by looking at the paths. What looks like an id is one; where one
 * place has had many different segments, those that are rare and those that are new count as ids, too.
 */
export class EndpointNames {
  readonly #templates: readonly (readonly string[])[];
  readonly #maxEndpoints: number;
  readonly #maxSiblings: number;
  readonly #root = newNode();
  readonly #names = new Set<string>();
  #nodesLeft: number;

  /**
   * Starts without any but the templates.
   *
   * @param options Templates and bounds.
   */
  constructor(options: EndpointOptions = {}) {
    this.#templates = (options.templates ?? []).map((template) => template.split("/"));
    this.#maxEndpoints = options.maxEndpoints ?? DEFAULT_MAX_ENDPOINTS;
    this.#maxSiblings = options.maxSiblings ?? DEFAULT_MAX_SIBLINGS;
    this.#nodesLeft = 10 * this.#maxEndpoints;
  }

  /**
   * Names the endpoint of a request.
   *
   * @param method The method; one that is not common becomes `*`.
   * @param path The path, without the query.
   * @returns The name: `GET /users/{id}`, or `GET {…}` where there are too many others.
   */
  nameOf(method: string, path: string): string {
    const verb = METHODS.has(method) ? method : "*";
    const segments = path.split("/");
    const template = this.#templates.find((template) => fits(template, segments));
    if (template !== undefined) return `${verb} ${template.join("/")}`;
    const name = `${verb} ${this.#learn(segments)}`;
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#maxEndpoints) return `${verb} ${REST}`;
    this.#names.add(name);
    return name;
  }

  #learn(segments: readonly string[]): string {
    const parts: string[] = [];
    let node = this.#root;
    for (const [depth, segment] of segments.entries()) {
      if (depth > MAX_DEPTH) return [...parts, REST].join("/");
      const isValue = segment !== "" && (isVariable(segment) || !this.#isName(node, segment));
      const next = isValue ? node.variable : node.children.get(segment);
      const child = next ?? this.#addChild(node, isValue ? undefined : segment);
      parts.push(isValue ? VARIABLE : segment);
      if (child === undefined) return depth === segments.length - 1 ? parts.join("/") : [...parts, REST].join("/");
      child.hits++;
      node = child;
    }
    return parts.join("/");
  }

  /** Whether a segment that does not look like a value is none. */
  #isName(node: Node, segment: string): boolean {
    if (node.children.has(segment)) return true;
    if (node.children.size >= this.#maxSiblings && !node.isFull) this.#forgetRare(node);
    return !node.isFull;
  }

  /** Names come again and again; what comes as rarely as most of very many is a value. */
  #forgetRare(node: Node): void {
    node.isFull = true;
    let total = 0;
    for (const { hits } of node.children.values()) total += hits;
    const average = total / node.children.size;
    for (const [segment, { hits }] of node.children) {
      if (hits < 4 * average) node.children.delete(segment);
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

function fits(template: readonly string[], segments: readonly string[]): boolean {
  return template.length === segments.length &&
    template.every((part, index) => part === segments[index] || (part.startsWith("{") && segments[index] !== ""));
}

function isVariable(segment: string): boolean {
  if (segment.length > MAX_SEGMENT_LENGTH) return true;
  return VALUES.some((pattern) => pattern.test(segment)) || segment.split(/[-_.]/).some(isRandom);
}

/** Words have no digits among their letters, or a few at their end: `v2`, `oauth2`, `utf8`. */
function isRandom(part: string): boolean {
  return RANDOM_PART.test(part) && /\d[A-Za-z]+\d|[A-Za-z]\d[A-Za-z]/.test(part) ||
    (part.length >= 16 && /[a-z][A-Z]+[a-z]+[A-Z]/.test(part) && /\d/.test(part));
}
