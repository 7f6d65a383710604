/**
 * Checks the words of comments, messages and Markdown against the language rules of CONTRIBUTING.md. It sees only what
 * a machine can see: banned words and openings, long sentences, long lines.
 *
 * Usage: `deno run --allow-read tools/prose_lint.ts [PATH…]`. Default: the whole repository.
 */

/** A violation of a language rule. */
export interface Finding {
  /** Line in the file, from 1. */
  readonly line: number;
  /** The rule, with the words that violate it. */
  readonly message: string;
}

/** A text that people read. */
interface Passage {
  readonly line: number;
  readonly text: string;
  /** True for documentation and messages, which name the thing first. Other comments may continue code. */
  readonly isDescription: boolean;
}

const MAX_SENTENCE_WORDS = 35;
const MAX_MARKDOWN_COLUMNS = 160;
const DEFAULT_PATHS = [
  ...["mod.ts", "cli.ts", "src", "tests", "tools", "examples", "docs"],
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
];

/** Quotes violations. */
const UNCHECKED = "tests/tools/prose_lint_test.ts";

const BANNED_OPENING = /^(?:What|How|Whether|Who|Whom|Whose|Where|That|Told|Tells|So many)\b/;

/** Files that a rule applies to. Each kind includes the ones before it. */
type Scope = "src" | "code" | "all";
const SCOPES: readonly Scope[] = ["src", "code", "all"];

/** Each row: the pattern, the words to use instead, and the scope. */
const BANNED_WORDS: readonly (readonly [pattern: RegExp, instead: string, scope: Scope])[] = [
  [/\bcan not\b/gi, "cannot", "all"],
  [/\btime-?outs?\b(?<=time-outs?)/gi, "timeout", "all"],
  [/\bin place of\b/gi, "instead of", "all"],
  [/\bonce more\b/gi, "again", "all"],
  [/\bas long as\b/gi, "while, until or if", "all"],
  [/\b(?:who|whom|whoever|whomever|nobody|somebody|everybody)\b/gi, "the thing itself, as the subject", "src"],
  [/\b(?:the one|those|the ones) (?:that|who|which)\b/gi, "the noun", "src"],
  [/\banswer(?:s|ed|ing)?\b/gi, "response, respond", "code"],
  [/\bbr(?:eak|eaks|eaking|oken) off\b/gi, "abort", "src"],
  [/\b(?:is|are|was|were|be|been|being) (?:asked|told)\b/gi, "the action itself", "src"],
  [/\bwhat (?:is|are|was|were|has|have|had|it|they|a|an|the)\b/gi, "the noun", "src"],
  [/\b(?:give|gives|given|giving|gave) back\b/gi, "release, return", "src"],
  [/[,;:] else\b/gi, "otherwise", "src"],
];

/** Returns all violations in a file, in order. The path from the root of the repository decides on the rules. */
export function lintProse(path: string, text: string): Finding[] {
  const isMarkdown = path.endsWith(".md");
  const passages = isMarkdown ? markdownPassages(text) : codePassages(text);
  const findings = passages.flatMap((passage) => lintPassage(passage, scopeOf(path)));
  if (isMarkdown) findings.push(...longLines(text));
  return findings.sort((a, b) => a.line - b.line);
}

function scopeOf(path: string): Scope {
  return path.startsWith("src/") ? "src" : path.endsWith(".md") ? "all" : "code";
}

function lintPassage({ line, text, isDescription }: Passage, scope: Scope): Finding[] {
  const findings: Finding[] = [];
  const report = (message: string) => findings.push({ line, message });
  const plain = text.replace(/\{@link\w* ([^}]*)\}/g, "$1").replace(/`[^`]*`/g, "CODE").replace(/\s+/g, " ").trim();
  const opening = isDescription ? plain.match(BANNED_OPENING) : null;
  if (opening !== null) report(`starts with "${opening[0]}": name the thing first`);
  for (const [pattern, instead, ruleScope] of BANNED_WORDS) {
    if (SCOPES.indexOf(scope) > SCOPES.indexOf(ruleScope)) continue;
    for (const [found] of plain.matchAll(pattern)) report(`"${found}": use ${instead}`);
  }
  for (const sentence of plain.split(/(?<=[.!?])\s+/)) {
    const words = sentence.split(" ").length;
    if (words > MAX_SENTENCE_WORDS) report(`sentence of ${words} words: "${sentence.slice(0, 60)}…"`);
  }
  return findings;
}

/** Finds comments, and literals with at least three words. */
function codePassages(text: string): Passage[] {
  const passages: Passage[] = [];
  let comment: { line: number; lines: string[] } | undefined;
  const flush = () => {
    if (comment !== undefined) {
      passages.push({ line: comment.line, text: comment.lines.join(" "), isDescription: false });
    }
    comment = undefined;
  };
  const rest = text.replace(/^[ \t]*\/\*\*?[\s\S]*?\*\//gm, (block, offset: number) => {
    passages.push(...blockPassages(block, lineAt(text, offset)));
    return block.replace(/[^\n]/g, " ");
  });
  for (const [index, source] of rest.split("\n").entries()) {
    const [, code = "", words] = source.match(/^(.*?)(?:(?:^|\s)\/\/(?!\/)\s*(.*))?$/) ?? [];
    const isComment = words !== undefined && quotes(code) % 2 === 0;
    if (isComment && code.trim() === "") (comment ??= { line: index + 1, lines: [] }).lines.push(words);
    else {
      flush();
      if (isComment) passages.push({ line: index + 1, text: words, isDescription: false });
      passages.push(...literals(isComment ? code : source, index + 1));
    }
  }
  flush();
  return passages;
}

function* blockPassages(block: string, firstLine: number): Iterable<Passage> {
  let passage: { line: number; text: string } | undefined;
  let isExample = false;
  for (const [index, source] of block.split("\n").entries()) {
    const words = source.replace(/^\s*\/?\*+\/?\s?/, "").replace(/\*\/\s*$/, "").trim();
    if (words.startsWith("```")) isExample = !isExample;
    else if (isExample) continue;
    else if (words === "" || /^(?:@|[-*] |\|)/.test(words)) {
      if (passage !== undefined) yield { ...passage, isDescription: true };
      const tagged = words.match(/^@(?:param [\w.]+|returns|throws(?: \{[^}]*\})?|default|deprecated) ?-?\s*(.*)/)?.[1];
      const item = words.match(/^[-*] (.*)/)?.[1];
      passage = tagged ?? item ? { line: firstLine + index, text: (tagged ?? item)! } : undefined;
    } else if (passage === undefined) passage = { line: firstLine + index, text: words };
    else passage.text += ` ${words}`;
  }
  if (passage !== undefined) yield { ...passage, isDescription: true };
}

function literals(code: string, line: number): Passage[] {
  if (/^\s*(?:import|export .* from)\b/.test(code)) return [];
  return [...code.matchAll(/(["`])((?:\\.|(?!\1).)*)\1/g)]
    .map(([, , text = ""]) => text.replace(/\$\{[^}]*\}/g, "VALUE"))
    .filter((text) => /^[A-Za-z`]/.test(text) && text.split(/\s+/).length >= 3 && !/[{}<>|=]/.test(text))
    .map((text) => ({ line, text, isDescription: true }));
}

function markdownPassages(text: string): Passage[] {
  const passages: Passage[] = [];
  let isCode = false;
  for (const [index, source] of text.split("\n").entries()) {
    if (/^\s*(?:```|~~~)/.test(source)) isCode = !isCode;
    if (isCode || /^\s*(?:```|~~~|\||<|#|\[.*\]: )/.test(source)) continue;
    const words = source.replace(/^\s*(?:[-*>]|\d+\.)\s+/, "").replace(/\]\([^)]*\)/g, "]").replace(/[*[\]]/g, "");
    if (words.trim() !== "") passages.push({ line: index + 1, text: words, isDescription: false });
  }
  return passages;
}

function longLines(text: string): Finding[] {
  let isCode = false;
  return text.split("\n").flatMap((source, index) => {
    if (source.trim().startsWith("```")) isCode = !isCode;
    const mayBeLong = isCode || /^\s*[|<]/.test(source);
    if (mayBeLong || source.length <= MAX_MARKDOWN_COLUMNS) return [];
    return [{ line: index + 1, message: `line of ${source.length} characters: one sentence per line` }];
  });
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function quotes(code: string): number {
  return code.replace(/\\./g, "").match(/["`]/g)?.length ?? 0;
}

async function* filesBelow(path: string): AsyncIterable<string> {
  const { isDirectory } = await Deno.stat(path);
  if (!isDirectory) {
    if (/\.(?:ts|js|md)$/.test(path) && path !== UNCHECKED) yield path;
    return;
  }
  for await (const { name } of Deno.readDir(path)) {
    if (!/^(?:node_modules|\..*)$/.test(name)) yield* filesBelow(`${path}/${name}`);
  }
}

if (import.meta.main) {
  let count = 0;
  for (const root of Deno.args.length > 0 ? Deno.args : DEFAULT_PATHS) {
    for await (const path of filesBelow(root.replace(/\/$/, ""))) {
      for (const { line, message } of lintProse(path, await Deno.readTextFile(path))) {
        count++;
        console.log(`${path}:${line}: ${message}`);
      }
    }
  }
  console.log(
    count === 0 ? "Checked the language" : `${count} ${count === 1 ? "violation" : "violations"} of the language rules`,
  );
  if (count > 0) Deno.exit(1);
}
