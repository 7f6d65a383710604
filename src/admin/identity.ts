/** Tokens and sessions of the admin listener's clients. */

import { ADMIN_COOKIE_PREFIX } from "../http/received_request.ts";
import { equalsSecret } from "../lib/constant_time.ts";
import { cookieValue } from "../lib/cookies.ts";
import type { Refusal } from "./access.ts";
import { Guesses, type GuessesOptions } from "./guesses.ts";
import { type Session, SESSION_MS, Sessions } from "./sessions.ts";

/** Options of {@linkcode Identity}. */
export interface IdentityOptions extends GuessesOptions {
  /** Port of the listener. */
  readonly port: number | undefined;
  /** Configured token; `undefined`: no token is required. */
  readonly token: string | undefined;
}

/** Client of an accepted request. */
export interface Caller {
  /** Network that the request comes from. */
  readonly network: string;
  /** Session of a browser; absent for requests with the token, and if no token is required. */
  readonly session?: string;
}

/** A new session, as header fields of the redirect to it. */
export interface Login {
  readonly location: string;
  readonly "set-cookie": string;
}

const SESSION_PATH = /^\/session-([0-9a-f]{32})(\/.*)$/;
const UNAUTHENTICATED: Refusal = {
  status: 401,
  text: "A token is required: send Authorization: Bearer TOKEN, or open the dashboard in a browser.",
  headers: { "www-authenticate": "Bearer" },
};

/**
 * Checks tokens, and exchanges them for sessions. Browsers send cookies to every port of a host, so the session's
 * cookie has an unguessable path that no other server has. A `__Host-` name would need HTTPS, which the listener does
 * not support.
 */
export class Identity {
  readonly #token: string | undefined;
  readonly #cookie: string;
  readonly #sessions: Sessions;
  readonly #guesses: Guesses;

  constructor(options: IdentityOptions) {
    this.#token = options.token;
    this.#cookie = `${ADMIN_COOKIE_PREFIX}${options.port ?? "embedded"}`;
    this.#sessions = new Sessions(options.now);
    this.#guesses = new Guesses(options);
  }

  /** Reports whether a token is configured. */
  get isRequired(): boolean {
    return this.#token !== undefined;
  }

  /** Authenticates a request. Returns the client and the path without its session prefix, or the refusal. */
  identify(headers: Headers, path: string, network: string): { caller: Caller; path: string } | Refusal {
    if (this.#token === undefined) return { caller: { network }, path };
    const [, session, rest = path] = SESSION_PATH.exec(path) ?? [];
    if (session !== undefined) {
      const secret = cookieValue(headers.get("cookie") ?? "", this.#cookie);
      if (secret !== undefined && this.#sessions.use(session, secret)) {
        return { caller: { network, session }, path: rest };
      }
      return UNAUTHENTICATED;
    }
    const [, bearer] = /^bearer +(\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    if (bearer === undefined) return UNAUTHENTICATED;
    return this.#refuseToken(bearer, network) ?? { caller: { network }, path };
  }

  /** Exchanges a token for a new session. */
  logIn(token: string, network: string): Login | Refusal {
    const refusal = this.#refuseToken(token, network);
    if (refusal !== undefined) return refusal;
    const session = this.#sessions.open();
    return { location: pathOf(session), "set-cookie": this.#setCookie(session, session.secret, SESSION_MS / 1_000) };
  }

  /** Ends a session. */
  logOut(id: string): Login {
    this.#sessions.end(id);
    return { location: "/", "set-cookie": this.#setCookie({ id }, "", 0) };
  }

  /** Reports whether an event stream may continue, and marks its session as used. */
  mayContinue({ session }: Caller): boolean {
    return session === undefined || this.#sessions.keep(session);
  }

  /** Reports the wrong tokens that have not been reported yet. */
  close(): void {
    this.#guesses.close();
  }

  #refuseToken(token: string, network: string): Refusal | undefined {
    const waitMs = this.#guesses.waitMs(network);
    if (waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1_000));
      return { status: 429, text: "Too many wrong tokens.", headers: { "retry-after": seconds } };
    }
    if (equalsSecret(token, this.#token ?? "")) {
      this.#guesses.right(network);
      return undefined;
    }
    this.#guesses.wrong(network);
    return { ...UNAUTHENTICATED, text: "Invalid token." };
  }

  #setCookie(session: Pick<Session, "id">, value: string, maxAge: number): string {
    return `${this.#cookie}=${value}; HttpOnly; SameSite=Strict; Path=${pathOf(session)}; Max-Age=${maxAge}`;
  }
}

function pathOf({ id }: Pick<Session, "id">): string {
  return `/session-${id}/`;
}
