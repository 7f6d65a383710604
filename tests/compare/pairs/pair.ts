/** A row of the table of response pairs. */

/** One of two responses. */
export interface PairedResponse {
  /** Default: 200. */
  readonly status?: number;
  /** Default: `application/json`; `null` for none. */
  readonly type?: string | null;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** Two responses to the same request, and the result of their comparison. */
export interface Pair {
  /**
   * Public report of the case, or of the question behind the row, as `owner/repository#number`. Most values are
   * shortened, and rows with the same report are variations of it.
   */
  readonly from: string;
  /** The case, in a few words. */
  readonly about: string;
  /** Configuration `compare`. Default: all defaults. */
  readonly compare?: Readonly<Record<string, unknown>>;
  /** Request header lines and method. Default: GET. */
  readonly request?: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> };
  readonly expected: PairedResponse;
  readonly actual: PairedResponse;
  /** `alike`, the paths that differ, or the reason why the responses are not comparable. */
  readonly is: "alike" | readonly string[] | { readonly notComparable: string };
}

/** A row in short form: report, case, two responses, result, configuration. */
export type Row = readonly [
  from: string,
  about: string,
  expected: unknown,
  actual: unknown,
  is: Pair["is"],
  compare?: Pair["compare"],
];

/** Creates rows of JSON documents. A string is a document as written. */
export function jsonPairs(rows: readonly Row[]): Pair[] {
  return textPairs("application/json", rows);
}

/** Creates rows of texts of one type. Values other than strings are written as JSON. */
export function textPairs(type: string | null, rows: readonly Row[]): Pair[] {
  return pairsOf(rows, (value) => ({ type, body: typeof value === "string" ? value : JSON.stringify(value) }));
}

/** Creates rows of header lines, with equal bodies. */
export function headerPairs(rows: readonly Row[]): Pair[] {
  return pairsOf(rows, (headers) => ({ body: "{}", headers: headers as readonly [string, string][] }));
}

function pairsOf(rows: readonly Row[], response: (value: unknown) => Pair["expected"]): Pair[] {
  return rows.map(([from, about, expected, actual, is, compare]) => ({
    from,
    about,
    expected: response(expected),
    actual: response(actual),
    is,
    ...(compare !== undefined && { compare }),
  }));
}
