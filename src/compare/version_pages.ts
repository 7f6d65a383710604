/** Versions of services from their status pages, which are requested while responses are compared. */

import type { Service } from "../config/config.ts";
import { untraced } from "../observe/telemetry.ts";
import { requestOfOurs } from "../upstream/request_of_ours.ts";
import type { Transport } from "../upstream/transport.ts";

/** Dependencies of {@linkcode VersionPages}. */
export interface VersionPagesOptions {
  /** Sends the requests. The same transport as for requests of clients, so that both take the same path. */
  readonly transport: Transport;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /**
   * Timeout of a request with its body, in milliseconds.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
}

/** Time between two requests of a page, in milliseconds. */
const MAX_AGE_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 2_000;
/** Maximum size of a page in bytes. */
const MAX_PAGE_BYTES = 16_384;
/** Maximum length of a version in characters. Longer texts are pages of another kind. */
const MAX_VERSION_LENGTH = 64;

const HEADERS = [
  ["user-agent", "conductor-version"],
  ["accept", "application/json, text/plain"],
  ["accept-encoding", "identity"],
] as const;

/** Versions that a page has shown. */
interface Page {
  version: string | undefined;
  /** Version before the current one. */
  previous: string | undefined;
  /** Time at which the version was first read. */
  sinceMs: number;
  /** Time of the latest request. */
  requestedMs: number;
  isRequested: boolean;
}

/** Remembers the versions of services. */
export class VersionPages {
  readonly #options: VersionPagesOptions;
  readonly #pages = new Map<Service, Page>();

  /** Creates an empty store. The first request is sent when a version is needed. */
  constructor(options: VersionPagesOptions) {
    this.#options = options;
  }

  /**
   * Returns the version that was known at a time; `undefined` if none was. Requests the page in the background if it is
   * unknown or older than 10 seconds. A response from before a deployment is therefore never one of the new version.
   */
  versionAt(timeMs: number, service: Service, path: string): string | undefined {
    let page = this.#pages.get(service);
    if (page === undefined) {
      page = { version: undefined, previous: undefined, sinceMs: 0, requestedMs: -Infinity, isRequested: false };
      this.#pages.set(service, page);
    }
    if (!page.isRequested && this.#options.now() - page.requestedMs >= MAX_AGE_MS) this.#request(page, service, path);
    return timeMs >= page.sinceMs ? page.version : page.previous;
  }

  async #request(page: Page, service: Service, path: string): Promise<void> {
    const { now } = this.#options;
    page.isRequested = true;
    page.requestedMs = now();
    const version = await readVersion(this.#options, service, path);
    page.isRequested = false;
    // A page that cannot be read says nothing about a new version.
    if (version === undefined || version === page.version) return;
    page.previous = page.version;
    page.version = version;
    page.sinceMs = now();
  }
}

/** Requests a page. Returns its version; `undefined` if it has none, or is too slow or too large. Does not reject. */
async function readVersion(
  { transport, timeoutMs = DEFAULT_TIMEOUT_MS }: VersionPagesOptions,
  service: Service,
  path: string,
): Promise<string | undefined> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), timeoutMs);
  try {
    const request = requestOfOurs(service, { path, headers: HEADERS, signal: ending.signal });
    const result = await untraced(() => transport(request));
    if (!result.ok) return undefined;
    const { status, body } = result.response;
    const bytes = body instanceof ReadableStream ? await readPage(body, ending.signal) : body;
    return status === 200 && bytes && bytes.length <= MAX_PAGE_BYTES ? versionIn(bytes) : undefined;
  } catch {
    // A broken stream, or a custom transport that rejects.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a page. Returns `undefined` if it is too large, or if it is aborted. */
async function readPage(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(MAX_PAGE_BYTES);
  const reader = body.getReader();
  // A transport may not cancel the body of a response that it has returned.
  const cancel = () => reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    for (let length = 0;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return undefined;
      if (done) return bytes.subarray(0, length);
      if (length + value.length > MAX_PAGE_BYTES) {
        cancel();
        return undefined;
      }
      bytes.set(value, length);
      length += value.length;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Returns the version in a page: the `version` of a JSON object, a JSON text or number, or the text itself. */
function versionIn(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes).trim();
  const value = versionOf(text);
  const version = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  // A longer text, or a document, is a page of another kind.
  return version === "" || version.length > MAX_VERSION_LENGTH || /[<{\r\n]/.test(version) ? undefined : version;
}

function versionOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return "version" in value ? value.version : undefined;
    // The text of a number is the version, because 1.10 is not 1.1.
    return typeof value === "number" ? text : value;
  } catch {
    return text;
  }
}
