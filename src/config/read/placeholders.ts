/**
 * Placeholders in the values of a file: `${file:/run/secrets/token}`, `${env:NAME}` and `${env:NAME:-default}`; `$${` is
 * a literal `${`.
 */

import { quote } from "../schema/describe.ts";
import { MAX_CONCURRENT_READS, MAX_REFERENCES, MAX_TOTAL_LENGTH } from "./bounds.ts";
import { ConfigError, type ConfigProblem, whyUnreadable } from "./config_error.ts";
import type { Template } from "./plain_tree.ts";

/** Readers of the files and environment variables in placeholders. */
export interface PlaceholderReaders {
  /** Reads a file as text. Up to 16 calls run at once. Relative paths start at the folder of the configuration file. */
  readonly readFile: (path: string) => Promise<string>;
  /** Returns an environment variable, or `undefined` if it is not set. Throws if the permission is missing. */
  readonly readEnv: (name: string) => string | undefined;
}

/** Result of {@linkcode resolvePlaceholders}. */
export interface Resolved {
  /** Values with placeholders as written, by path. */
  readonly templates: ReadonlyMap<string, string>;
  /** Texts from placeholders, alone and with the text around them. */
  readonly texts: ReadonlySet<string>;
  /** Paths of values that could not be resolved. */
  readonly unreadable: ReadonlySet<string>;
  /** Reasons, with the names of files and variables but never their content. */
  readonly problems: readonly ConfigProblem[];
}

/** Content of a placeholder, or the reason why there is none. */
type Content =
  | { readonly ok: true; readonly text: string; readonly isDefault?: boolean }
  | { readonly ok: false; readonly message: string };

const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
/** As in a shell, the default after `:-` applies to a variable that is not set or empty. */
const VARIABLE = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/** Resolves placeholders in place, without resolving their results again. Reads each file and variable once. */
export async function resolvePlaceholders(
  templates: readonly Template[],
  readers: PlaceholderReaders,
): Promise<Resolved> {
  const contents = await readReferences(findReferences(templates), readers);
  const resolvedTemplates = new Map<string, string>();
  const unreadable = new Set<string>();
  const problems: ConfigProblem[] = [];
  const texts = new Set<string>();
  let length = 0;
  for (const { text, path, replace } of templates) {
    const messages = new Set<string>();
    let hasSecret = false;
    const resolved = text.replace(PLACEHOLDER, (match, reference = "") => {
      if (match === "$${") return "${";
      const content = contents.get(reference)!;
      resolvedTemplates.set(path, text);
      // A default stands in the file for all to read. Hiding it would hide words such as "info" everywhere.
      if (content.ok && !content.isDefault) texts.add(content.text);
      hasSecret ||= content.ok && !content.isDefault;
      if (content.ok && (length += content.text.length) <= MAX_TOTAL_LENGTH) return content.text;
      messages.add(content.ok ? "must be shorter: the placeholders yield too much text" : content.message);
      return "";
    });
    replace(resolved);
    if (hasSecret) texts.add(resolved);
    for (const message of messages) problems.push({ path, message });
    if (messages.size > 0) unreadable.add(path);
  }
  return { templates: resolvedTemplates, texts, unreadable, problems };
}

function findReferences(templates: readonly Template[]): Set<string> {
  const found = new Set<string>();
  for (const { text } of templates) {
    for (const [match, reference = ""] of text.matchAll(PLACEHOLDER)) {
      if (match !== "$${") found.add(reference);
      if (found.size > MAX_REFERENCES) {
        const message = `the file must not name more than ${MAX_REFERENCES} files and variables`;
        throw new ConfigError([{ path: "", message }]);
      }
    }
  }
  return found;
}

async function readReferences(
  references: ReadonlySet<string>,
  readers: PlaceholderReaders,
): Promise<ReadonlyMap<string, Content>> {
  const contents = new Map<string, Content>();
  const pending = references.values();
  const readPending = async () => {
    for (const reference of pending) contents.set(reference, await readReference(reference, readers));
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT_READS }, readPending));
  return contents;
}

async function readReference(reference: string, { readFile, readEnv }: PlaceholderReaders): Promise<Content> {
  const [, kind, name = ""] = /^(file|env):(.+)$/s.exec(reference) ?? [];
  if (kind === "file") return await readFileContent(name, readFile);
  const [, variable, absent] = (kind === "env" && VARIABLE.exec(name)) || [];
  if (variable !== undefined) return readVariable(variable, absent, readEnv);
  return failure(
    "must be ${file:PATH}, ${env:NAME} or ${env:NAME:-DEFAULT}, or have $${ for a literal ${: found another placeholder",
  );
}

async function readFileContent(path: string, readFile: PlaceholderReaders["readFile"]): Promise<Content> {
  try {
    const text = await readFile(path);
    return { ok: true, text: text.replace(/\r?\n$/, "") };
  } catch (error) {
    return failure(`needs the file ${quote(path)}: ${whyUnreadable(error)}`);
  }
}

function readVariable(
  name: string,
  absent: string | undefined,
  readEnv: PlaceholderReaders["readEnv"],
): Content {
  try {
    const text = readEnv(name);
    if (absent !== undefined && (text === undefined || text === "")) return { ok: true, text: absent, isDefault: true };
    return text === undefined ? failure(`needs the environment variable "${name}": it is not set`) : { ok: true, text };
  } catch {
    return failure(`needs the environment variable "${name}": Deno needs the flag --allow-env=${name} for it`);
  }
}

function failure(message: string): Content {
  return { ok: false, message };
}
