/** Sessions of browsers at the admin listener. They live in memory only: a restart ends them. */

import { equalsSecret } from "../lib/constant_time.ts";

/** The session of a browser that has sent the token. */
export interface Session {
  /** Random part of the session's path, 32 hex digits. Browsers send the cookie only below that path. */
  readonly id: string;
  /** Value of the cookie, 64 hex digits. */
  readonly secret: string;
}

interface Timed extends Session {
  readonly openedMs: number;
  usedMs: number;
}

/** Idle time in milliseconds after which a session ends. An open dashboard keeps its session in use. */
export const SESSION_IDLE_MS = 3_600_000;
/** Maximum duration of a session in milliseconds, even if it is in use. */
export const SESSION_MS = 12 * 3_600_000;
/** Maximum number of sessions. A new one replaces the least recently used. */
export const MAX_SESSIONS = 64;

const ID_BYTES = 16;
const SECRET_BYTES = 32;

/** Sessions by the random part of their path. */
export class Sessions {
  readonly #now: () => number;
  readonly #byId = new Map<string, Timed>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Opens a session with a new path and a new secret. */
  open(): Session {
    const nowMs = this.#now();
    for (const { id } of this.#byId.values()) this.#find(id);
    if (this.#byId.size >= MAX_SESSIONS) this.#byId.delete(this.#byId.keys().next().value!);
    const session = { id: randomHex(ID_BYTES), secret: randomHex(SECRET_BYTES), openedMs: nowMs, usedMs: nowMs };
    this.#byId.set(session.id, session);
    return session;
  }

  /** Reports whether a secret belongs to a session that has not ended, and marks the session as used. */
  use(id: string, secret: string): boolean {
    const session = this.#find(id);
    return session !== undefined && equalsSecret(secret, session.secret) && this.keep(id);
  }

  /** Reports whether a session has not ended, and marks it as used. */
  keep(id: string): boolean {
    const session = this.#find(id);
    if (session === undefined) return false;
    session.usedMs = this.#now();
    this.#byId.delete(id);
    this.#byId.set(id, session);
    return true;
  }

  /** Ends a session. */
  end(id: string): void {
    this.#byId.delete(id);
  }

  #find(id: string): Timed | undefined {
    const session = this.#byId.get(id);
    if (session === undefined) return undefined;
    const nowMs = this.#now();
    if (nowMs - session.usedMs < SESSION_IDLE_MS && nowMs - session.openedMs < SESSION_MS) return session;
    this.#byId.delete(id);
    return undefined;
  }
}

function randomHex(bytes: number): string {
  // Not `toHex()`, which Node lacks up to version 24.
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
