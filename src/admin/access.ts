/** Checks of a request that come before its token: target, Host and origin. */

import { isAuthority, splitTarget } from "../exchange/request_target.ts";
import { networkOf } from "../exchange/trust_proxy.ts";

/** Address of the listener. */
export interface AccessOptions {
  /** The configured address. */
  readonly hostname: string;
  /** The port that is listened on. */
  readonly port: number;
}

/** A response to a request that is refused. */
export interface Refusal {
  /** The status. */
  readonly status: number;
  /** What to do about it, in a sentence. */
  readonly text: string;
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Path and query of a request, as they were sent. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

const OWN_NAMES = ["localhost", "127.0.0.1", "[::1]"];
/** The longest target of the dashboard has 200 characters. */
const MAX_URL_LENGTH = 8_192;

/**
 * Reads the target without `new URL`, which throws on some Host fields that servers accept, with the target in the message.
 *
 * @returns The target, or the reason why there is none.
 */
export function readTarget({ url, headers }: Request): Target | Refusal {
  const host = headers.get("host");
  if (url.length > MAX_URL_LENGTH) return { status: 414, text: "The request target is too long" };
  const { authority, path, query } = splitTarget(url, host);
  if ((host !== null && host !== "" && !isAuthority(host)) || !isAuthority(authority)) {
    return { status: 400, text: "The request target or the Host field is malformed" };
  }
  return { path, query: new URLSearchParams(query) };
}

/** Checks the Host and the origin of requests. */
export class Access {
  readonly #port: number;
  readonly #names: ReadonlySet<string>;
  readonly #isWildcard: boolean;

  constructor({ hostname, port }: AccessOptions) {
    const name = (hostname.includes(":") ? new URL(`http://[${hostname}]`).hostname : hostname).toLowerCase();
    this.#port = port;
    this.#names = new Set([...OWN_NAMES, name]);
    this.#isWildcard = name === "0.0.0.0" || name === "[::]";
  }

  /**
   * Refuses a request under a name that was pointed here by a stranger (DNS rebinding), or from another site's page.
   *
   * @returns The refusal; `undefined` if the request may go on.
   */
  refuseOrigin({ url, headers, method }: Request): Refusal | undefined {
    const host = (headers.get("host") ?? "").toLowerCase();
    if (host === "") return { status: 400, text: "The Host field is missing" };
    // An absolute-form target has an authority of its own (RFC 9112 §3.2.2).
    const asked = splitTarget(url, headers.get("host")).authority.toLowerCase();
    if (!this.#isOwn(host) || !this.#isOwn(asked)) {
      return { status: 403, text: "The Host field must be the address of the admin listener, with its port" };
    }
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site") ?? "none";
    // A link from another site may be followed: its target is shown to the user only.
    const isLink = headers.get("sec-fetch-mode") === "navigate" && (method === "GET" || method === "HEAD");
    const isForeign = site !== "none" && site !== "same-origin" && !isLink;
    if (isForeign || (origin !== null && origin !== `http://${host}`)) {
      return { status: 403, text: "Other sites must not ask the admin listener" };
    }
    return undefined;
  }

  /** Any address is accepted with a wildcard: DNS cannot point an address elsewhere. */
  #isOwn(host: string): boolean {
    const [, name = "", port = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
    if (Number(port) !== this.#port) return false;
    return this.#names.has(name) || (this.#isWildcard && isAddress(name));
  }
}

/** Leading zeros are refused: some parsers read them as octal digits, others throw. */
function isAddress(name: string): boolean {
  return networkOf(name.replace(/^\[(.*)\]$/, "$1")) !== undefined && !/^0\d|\.0\d/.test(name);
}
