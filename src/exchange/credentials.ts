/** A client's request without its credentials, for shadows with `credentials: false`. */

import type { HeaderLine } from "../config/config.ts";
import type { RawTarget } from "./inbound.ts";
import type { SecretNames } from "../lib/secret_names.ts";
import { withoutSecretPathParameters, withoutSecretQuery } from "../lib/secret_parameters.ts";

/** A value that is one URL may repeat the credentials of a target: `Referer`, `X-Original-URI`, `HX-Current-URL`. */
const URL_VALUE = /^(?:[a-z][a-z\d+.-]*:\/)?\/\S*$/i;
const USER_INFO = /^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i;

/** The parts of a request that can hold credentials. */
export interface CredentialParts {
  /** The path as it came. */
  readonly path: string;
  /** The query with its question mark, or nothing. */
  readonly query: string;
  /** Path and query with the bytes outside ASCII as sent; absent when all of them are ASCII. */
  readonly raw?: RawTarget | undefined;
  /** The header lines. */
  readonly lines: readonly HeaderLine[];
}

/** A request without credentials, and what was left out. */
export interface BareRequest extends CredentialParts {
  /** Names of header fields, in lower case. */
  readonly fields: readonly string[];
  /** Names of parameters of the query and the path, as they were sent. */
  readonly parameters: readonly string[];
}

/** Leaves out every field and parameter that is a secret by its name; all other bytes stay as they are. */
export function withoutCredentials({ path, query, raw, lines }: CredentialParts, names: SecretNames): BareRequest {
  const target = bareTarget({ path, query });
  const fields: string[] = [];
  const kept: HeaderLine[] = [];
  for (const line of lines) {
    const field = line[0].toLowerCase();
    if (names.isSecret(field)) fields.push(field);
    else kept.push(URL_VALUE.test(line[1]) ? [line[0], withoutCredentialsInUrl(line[1])] : line);
  }
  const { parameters } = target;
  return { ...target, raw: raw && bareRawTarget(raw, parameters), lines: kept, fields };
}

function bareTarget({ path, query }: RawTarget): RawTarget & { readonly parameters: readonly string[] } {
  const [barePath, bareQuery] = [withoutSecretPathParameters(path), withoutSecretQuery(query)];
  return { path: barePath.kept, query: bareQuery.kept, parameters: [...barePath.names, ...bareQuery.names] };
}

/** Returns nothing when the two spellings of a target disagree on its secrets: then only the encoded one is sent. */
function bareRawTarget(raw: RawTarget, parameters: readonly string[]): RawTarget | undefined {
  const { path, query, parameters: found } = bareTarget(raw);
  return found.length === parameters.length ? { path, query } : undefined;
}

function withoutCredentialsInUrl(url: string): string {
  const start = url.search(/[?#]/);
  const path = start === -1 ? url : url.slice(0, start);
  const [query = ""] = start === -1 ? [] : url.slice(start).split("#", 1);
  return withoutSecretPathParameters(path.replace(USER_INFO, "$1")).kept + withoutSecretQuery(query).kept;
}
