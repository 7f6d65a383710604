/** A configuration file that is gone after the test. */

/** A file that is removed by `await using`. */
export interface TempConfig extends AsyncDisposable {
  readonly path: string;
}

/** Writes a configuration into a file of its own. */
export async function tempConfig(text: string): Promise<TempConfig> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
