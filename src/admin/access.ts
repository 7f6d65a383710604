/** Who may ask the admin listener: not the page of somebody else in the browser of somebody who may. */

import { sessionOf, type TokenCheck } from "./token.ts";

/** Where the listener is, and what it asks for. */
export interface AccessOptions {
  /** The configured address. */
  readonly hostname: string;
  /** The port that is listened on. */
  readonly port: number;
  /** Checks the token; `undefined` where none is asked for. */
  readonly token: TokenCheck | undefined;
}

/** Why a request is refused. */
export interface Refusal {
  /** The status. */
  readonly status: number;
  /** What to do about it, in a sentence. */
  readonly text: string;
}

const OWN_NAMES = ["localhost", "127.0.0.1", "[::1]"];
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\])$/;

/** Decides on requests. */
export class Access {
  readonly #options: AccessOptions;
  readonly #names: ReadonlySet<string>;
  readonly #isWildcard: boolean;
  readonly #cookie: string;

  /**
   * Prepares to decide.
   *
   * @param options Where the listener is, and what it asks for.
   */
  constructor(options: AccessOptions) {
    const { hostname } = options;
    const name = (hostname.includes(":") ? new URL(`http://[${hostname}]`).hostname : hostname).toLowerCase();
    this.#options = options;
    this.#names = new Set([...OWN_NAMES, name]);
    this.#isWildcard = name === "0.0.0.0" || name === "[::]";
    // Cookies do not know ports: two conductors on one machine must not take each other's away.
    this.#cookie = `conductor-admin-${options.port}`;
  }

  /**
   * Tells why a request comes from where it must not: by a name that somebody has pointed here (DNS rebinding), or from
   * another site's page.
   *
   * @param headers The request's header fields.
   * @returns Why it is refused; `undefined` where it is not.
   */
  refuseOrigin(headers: Headers): Refusal | undefined {
    const host = (headers.get("host") ?? "").toLowerCase();
    if (!this.#isOwn(host)) {
      return { status: 403, text: "The Host field must be the address of the admin listener, with its port" };
    }
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site") ?? "none";
    // Following a link is no harm: what it brings is shown to the user only.
    const isForeign = site !== "none" && site !== "same-origin" && headers.get("sec-fetch-mode") !== "navigate";
    if (isForeign || (origin !== null && origin !== `http://${host}`)) {
      return { status: 403, text: "Other sites must not ask the admin listener" };
    }
    return undefined;
  }

  /**
   * Tells why a request does not prove that it may ask.
   *
   * @param headers The request's header fields.
   * @returns Why it is refused; `undefined` where it is not.
   */
  async refuseStranger(headers: Headers): Promise<Refusal | undefined> {
    const { token } = this.#options;
    if (token === undefined) return undefined;
    const [, bearer] = /^bearer +(\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    if (bearer !== undefined && await token.isToken(bearer)) return undefined;
    const session = sessionOf(headers.get("cookie") ?? "", this.#cookie);
    if (session !== undefined && await token.isSession(session)) return undefined;
    return {
      status: 401,
      text:
        "The admin listener asks for its token: as Authorization: Bearer TOKEN, or in a browser once as /?token=TOKEN",
    };
  }

  /**
   * Exchanges a token for a cookie, which an EventSource sends too.
   *
   * @param given What was given as the token.
   * @returns The value of a Set-Cookie field; `undefined` where the token is not the right one.
   */
  async cookieFor(given: string): Promise<string | undefined> {
    const { token } = this.#options;
    if (token === undefined || !await token.isToken(given)) return undefined;
    return `${this.#cookie}=${await token.session()}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** An address can not be pointed elsewhere, so with a wildcard any is taken. */
  #isOwn(host: string): boolean {
    const [, name = "", port = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
    if (Number(port) !== this.#options.port) return false;
    return this.#names.has(name) || (this.#isWildcard && ADDRESS.test(name));
  }
}
