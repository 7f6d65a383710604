/** Reading of bodies as text in bounded memory and time. */

/** Maximum duration of a short request body, such as a form, in milliseconds. */
export const SHORT_BODY_TIMEOUT_MS = 10_000;

/** Options of {@linkcode readBoundedText}. */
export interface BoundedTextOptions {
  /** Maximum duration of reading the whole body, in milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
}

/** Error for a body that failed, or was not complete in time. */
export class IncompleteBody extends Error {
  override readonly name = "IncompleteBody";
  /** True if the body was not complete in time. */
  readonly isLate: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isLate: boolean }) {
    super(message, options);
    this.isLate = options.isLate;
  }
}

/**
 * Reads a body as UTF-8. Returns `undefined` and cancels the body if it is larger than `maxBytes`. A body of `null` is
 * an empty text.
 *
 * @example Usage
 * ```ts ignore
 * const text = await readBoundedText(request.body, 65_536, { timeoutMs: 10_000 });
 * if (text === undefined) return new Response("The body is larger than 64 KiB", { status: 413 });
 * ```
 *
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
