/** Checks of a request before its token is checked: target, Host and origin. */

import { isAuthority, splitTarget } from "../http/client_request.ts";
import { networkOf } from "../http/client_address.ts";

/** Address of the admin listener. */
export interface AccessOptions {
  /** Configured host name or address. */
  readonly hostname: string;
  /** Port; `undefined` accepts every port: on a Unix socket, or for a handler that another server mounts. */
  readonly port: number | undefined;
  /** Configured token; `undefined`: none. */
  readonly token?: string | undefined;
}

/** A response that refuses a request. */
export interface Refusal {
  readonly status: number;
  /** Reason, as a sentence. */
  readonly text: string;
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Path and query of a request, as sent. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

const OWN_NAMES = ["localhost", "127.0.0.1", "[::1]"];
/** Maximum length of a request URL, in characters. The dashboard needs at most 200. */
const MAX_URL_LENGTH = 8_192;

/**
 * Reads the request target, or returns the refusal of a malformed one. `new URL` would throw for some Host fields that
 * servers accept, and its message quotes the target.
 */
export function readTarget({ url, headers }: Request): Target | Refusal {
  const host = headers.get("host");
  if (url.length > MAX_URL_LENGTH) return { status: 414, text: "The request target is too long." };
  const { authority, path, query } = splitTarget(url, host);
  if ((host !== null && host !== "" && !isAuthority(host)) || !isAuthority(authority)) {
    return { status: 400, text: "The request target or the Host field is malformed." };
  }
  return { path, query: new URLSearchParams(query) };
}

/** Accepts only requests to the listener's own address, from its own pages. */
export class Access {
  readonly #port: number | undefined;
  readonly #hasToken: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #isWildcard: boolean;

  constructor({ hostname, port, token }: AccessOptions) {
    const name = (hostname.includes(":") ? new URL(`http://[${hostname}]`).hostname : hostname).toLowerCase();
    this.#port = port;
    this.#hasToken = token !== undefined;
    this.#names = new Set([...OWN_NAMES, name]);
    this.#isWildcard = name === "0.0.0.0" || name === "[::]";
  }

  /** Refuses requests with the Host of another server (DNS rebinding), and requests from pages of other sites. */
  refuseOrigin({ url, headers, method }: Request): Refusal | undefined {
    const host = (headers.get("host") ?? "").toLowerCase();
    if (host === "") return { status: 400, text: "The Host field is missing." };
    // An absolute-form target has an authority of its own (RFC 9112 §3.2.2).
    const targetHost = splitTarget(url, headers.get("host")).authority.toLowerCase();
    if (!this.#isOwn(host) || !this.#isOwn(targetHost)) {
      return { status: 403, text: "The Host field must be the address of the admin listener, with its port." };
    }
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site") ?? "none";
    // Navigation from another site is allowed: only the user sees the response, not the site.
    const isLink = headers.get("sec-fetch-mode") === "navigate" && (method === "GET" || method === "HEAD");
    const isForeign = site !== "none" && site !== "same-origin" && !isLink;
    if (
      isForeign ||
      (origin !== null && origin !== `http://${host}` && !(this.#port === undefined && origin === `https://${host}`))
    ) {
      return { status: 403, text: "Requests from other sites are not allowed." };
    }
    return undefined;
  }

  /** Reports whether a Host is the listener's. On all addresses, every IP address is: DNS rebinding needs a name. */
  #isOwn(host: string): boolean {
    const [, name = "", port = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
    // A page of another name has no token, so DNS rebinding gains nothing.
    if (this.#port === undefined && this.#hasToken) return true;
    if (this.#port !== undefined && Number(port) !== this.#port) return false;
    return this.#names.has(name) || (this.#isWildcard && isAddress(name));
  }
}

/** Rejects leading zeros, because some parsers read them as octal numbers, and some throw. */
function isAddress(name: string): boolean {
  return networkOf(name.replace(/^\[(.*)\]$/, "$1")) !== undefined && !/^0\d|\.0\d/.test(name);
}
