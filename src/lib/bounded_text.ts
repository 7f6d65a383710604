/** Bodies as text, in bounded memory and time. */

/** Maximum duration of a short request body, such as a form, in milliseconds. */
export const SHORT_BODY_TIMEOUT_MS = 10_000;

/** Options of {@linkcode readBoundedText}. */
export interface BoundedTextOptions {
  /** Maximum duration of reading the whole body, in milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
}

/** A body that ended too early or not in time. */
export class IncompleteBody extends Error {
  override readonly name = "IncompleteBody";
  /** `true` if the body was not complete in time. */
  readonly isLate: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isLate: boolean }) {
    super(message, options);
    this.isLate = options.isLate;
  }
}

/**
 * Reads a body as UTF-8. Cancels it if it is too large or late.
 *
 * @param body The body; `null` reads as an empty text.
 * @param maxBytes Maximum size of the body in bytes.
 * @param options Limits on time.
 * @returns The text; `undefined` if the body is larger.
 * @throws {IncompleteBody} If the body fails, or is not complete in time.
 */
export async function readBoundedText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  { timeoutMs }: BoundedTextOptions = {},
): Promise<string | undefined> {
  if (body === null) return "";
  const reader = body.getReader();
  let isLate = false;
  const cancel = () => void reader.cancel().catch(() => {});
  // Cancelling ends a pending read.
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
    isLate = true;
    cancel();
  }, timeoutMs);
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new IncompleteBody(`the body is not complete within ${timeoutMs} ms`, { isLate });
      if (done) return text + decoder.decode();
      length += value.length;
      if (length > maxBytes) {
        cancel();
        return undefined;
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch (cause) {
    if (cause instanceof IncompleteBody) throw cause;
    throw new IncompleteBody(cause instanceof Error ? cause.message : "the body failed", { isLate, cause });
  } finally {
    clearTimeout(timer);
  }
}
