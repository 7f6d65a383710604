/** A client's request without its credentials, for shadows with `credentials: false`. */

import type { HeaderLine } from "../config/config.ts";
import type { RawTarget } from "./received_request.ts";
import type { SecretNames } from "../lib/secret_names.ts";
import { withoutSecretPathParameters, withoutSecretQuery } from "../lib/secret_parameters.ts";

/** A value that is one URL may repeat the credentials of a target: `Referer`, `X-Original-URI`, `HX-Current-URL`. */
const URL_VALUE = /^(?:[a-z][a-z\d+.-]*:\/)?\/\S*$/i;
const USER_INFO = /^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i;

/** The parts of a request that can hold credentials. */
export interface CredentialParts {
  /** The path as sent. */
  readonly path: string;
  /** The query with its question mark, or the empty string. */
  readonly query: string;
  /** Path and query with the bytes outside ASCII as sent; absent if both are ASCII. */
  readonly raw?: RawTarget | undefined;
  /** The header lines. */
  readonly headers: readonly HeaderLine[];
}

/** A request without credentials, and the names of the removed fields and parameters. */
export interface BareRequest extends CredentialParts {
  /** Names of removed header fields, in lower case. */
  readonly fields: readonly string[];
  /** Names of removed parameters of the query and the path, as sent. */
  readonly parameters: readonly string[];
}

/** Removes every field and parameter with a secret name. All other bytes stay unchanged. */
export function withoutCredentials({ path, query, raw, headers }: CredentialParts, names: SecretNames): BareRequest {
  const target = bareTarget({ path, query });
  const fields: string[] = [];
  const kept: HeaderLine[] = [];
  for (const line of headers) {
    const field = line[0].toLowerCase();
    if (names.isSecret(field)) fields.push(field);
    else kept.push(URL_VALUE.test(line[1]) ? [line[0], withoutCredentialsInUrl(line[1])] : line);
  }
  const { parameters } = target;
  return { ...target, raw: raw && bareRawTarget(raw, parameters), headers: kept, fields };
}

function bareTarget({ path, query }: RawTarget): RawTarget & { readonly parameters: readonly string[] } {
  const [barePath, bareQuery] = [withoutSecretPathParameters(path), withoutSecretQuery(query)];
  return { path: barePath.kept, query: bareQuery.kept, parameters: [...barePath.names, ...bareQuery.names] };
}

/**
 * Returns `undefined` if the two spellings of a target differ in their secrets. Only the encoded spelling is sent then.
 */
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
