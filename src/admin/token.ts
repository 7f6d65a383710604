/** The token of the admin listener, and the cookie that stands for it in a browser. */

/** Checks what clients give, in a time that does not depend on how much of it is right. */
export class TokenCheck {
  readonly #token: string;

  /**
   * Keeps the token.
   *
   * @param token The configured one.
   */
  constructor(token: string) {
    this.#token = token;
  }

  /**
   * Checks a token.
   *
   * @param given What a client gave.
   * @returns Whether it is the right one.
   */
  isToken(given: string): Promise<boolean> {
    return isSame(given, this.#token);
  }

  /**
   * Checks the value of a cookie.
   *
   * @param given What a client gave.
   * @returns Whether it stands for the token.
   */
  async isSession(given: string): Promise<boolean> {
    return await isSame(given, await this.session());
  }

  /**
   * Makes the value of the cookie: it holds as long as the token does, and does not tell it.
   *
   * @returns The value.
   */
  async session(): Promise<string> {
    const key = await crypto.subtle.importKey("raw", bytesOf(this.#token), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytesOf("conductor admin session"))).toHex();
  }
}

/**
 * Finds a cookie (RFC 6265 §4.2.1).
 *
 * @param field The value of the Cookie field.
 * @param name The cookie's name.
 * @returns Its value, or `undefined` where there is none.
 */
export function sessionOf(field: string, name: string): string | undefined {
  for (const pair of field.split(";")) {
    const [key = "", value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

/** Hashes have one length, and where they differ says nothing about where the texts do. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map(digest));
  let difference = 0;
  for (const [index, byte] of first!.entries()) difference |= byte ^ second![index]!;
  return difference === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytesOf(text)));
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
