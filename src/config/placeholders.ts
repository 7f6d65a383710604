/** `${file:/run/secrets/token}` and `${env:NAME}` in the values of a file; `$${` stands for `${` itself. */

import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { childPath, quote } from "./describe.ts";
import { MAX_REFERENCES, MAX_TOTAL_LENGTH } from "./limits.ts";
import { isMapping } from "./mapping.ts";
import { whyUnreadable } from "./unreadable.ts";

/** How what placeholders name is read. */
export interface PlaceholderReaders {
  /** Reads a file's text; a relative path is meant from the folder of the configuration file. */
  readonly readFile: (path: string) => Promise<string>;
  /** Reads an environment variable; `undefined` where it is not set, an error named `NotCapable` without permission. */
  readonly readEnv: (name: string) => string | undefined;
}

/** Values with their placeholders resolved. */
export interface Resolved {
  /** The values; the input is not changed. */
  readonly value: unknown;
  /** The paths of values that came from placeholders. */
  readonly secrets: ReadonlySet<string>;
  /** The paths of values that could not be resolved. */
  readonly unknown: ReadonlySet<string>;
  /** Why they could not; names of files and variables, never their content. */
  readonly problems: readonly ConfigProblem[];
}

/** What stands for a placeholder: its content, or why there is none. */
type Content = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const VARIABLE = /^[A-Za-z_]\w*$/;

/**
 * Resolves the placeholders in all strings of a tree, keys excepted. What they yield is not looked at again.
 *
 * @param value A plain tree.
 * @param readers How files and variables are read; each is read once.
 * @returns The tree with what was found.
 */
export async function resolvePlaceholders(value: unknown, readers: PlaceholderReaders): Promise<Resolved> {
  const contents = new Map<string, Content>();
  for (const reference of findReferences(value)) contents.set(reference, await readReference(reference, readers));
  const secrets = new Set<string>();
  const unknown = new Set<string>();
  const problems: ConfigProblem[] = [];
  let length = 0;

  function resolve(value: unknown, path: string): unknown {
    if (typeof value === "string") return value.includes("${") ? resolveText(value, path) : value;
    if (Array.isArray(value)) return value.map((item, index) => resolve(item, childPath(path, index)));
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, childPath(path, key))]));
  }

  function resolveText(text: string, path: string): string {
    const messages = new Set<string>();
    const resolved = text.replace(PLACEHOLDER, (match, reference = "") => {
      if (match === "$${") return "${";
      const content = contents.get(reference)!;
      secrets.add(path);
      if (content.ok && (length += content.text.length) <= MAX_TOTAL_LENGTH) return content.text;
      messages.add(content.ok ? "must be shorter: the placeholders yield too much text" : content.message);
      return "";
    });
    for (const message of messages) problems.push({ path, message });
    if (messages.size > 0) unknown.add(path);
    return resolved;
  }

  return { value: resolve(value, ""), secrets, unknown, problems };
}

function findReferences(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof value === "string" && value.includes("${")) {
    for (const [match, reference = ""] of value.matchAll(PLACEHOLDER)) if (match !== "$${") found.add(reference);
    if (found.size > MAX_REFERENCES) {
      throw new ConfigError([{
        path: "",
        message: `the file must not name more than ${MAX_REFERENCES} files and variables`,
      }]);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) findReferences(inner, found);
  }
  return found;
}

async function readReference(reference: string, { readFile, readEnv }: PlaceholderReaders): Promise<Content> {
  const [, kind, name = ""] = /^(file|env):(.+)$/s.exec(reference) ?? [];
  if (kind === "file") return await readFileContent(name, readFile);
  if (kind === "env" && VARIABLE.test(name)) return readVariable(name, readEnv);
  return failure("must name ${file:PATH} or ${env:NAME}, or say $${ for these characters: found another ${…}");
}

async function readFileContent(path: string, readFile: PlaceholderReaders["readFile"]): Promise<Content> {
  try {
    const text = await readFile(path);
    return { ok: true, text: text.replace(/\r?\n$/, "") };
  } catch (error) {
    return failure(`needs the file ${quote(path)}: ${whyUnreadable(error)}`);
  }
}

function readVariable(name: string, readEnv: PlaceholderReaders["readEnv"]): Content {
  try {
    const text = readEnv(name);
    return text === undefined ? failure(`needs the environment variable "${name}": it is not set`) : { ok: true, text };
  } catch {
    return failure(`needs the environment variable "${name}": Deno needs the flag --allow-env=${name} for it`);
  }
}

function failure(message: string): Content {
  return { ok: false, message };
}
