/** Configurations that try to be expensive to read. Each one has the maximum length of a configuration file. */

import { MAX_TEXT_LENGTH } from "../../src/config/read/bounds.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";

/** A text by name. */
export type HostileConfig = readonly [name: string, text: string];

const LENGTH = MAX_TEXT_LENGTH - 100;
const HALF = LENGTH / 2;

function fill(unit: string, length = LENGTH): string {
  return unit.repeat(Math.floor(length / unit.length));
}

function count(unit: (index: number) => string, length = LENGTH): string {
  const units: string[] = [];
  for (let total = 0; total < length; total += units.at(-1)!.length) units.push(unit(units.length));
  return units.slice(0, -1).join("");
}

/** Each level references the previous one ten times. */
function bomb(levels: number, open: string, close: string, entry: (index: number, of: number) => string): string {
  const lines = [`a0: &a0 ${open}${close}`];
  for (let level = 1; level < levels; level++) {
    const entries = Array.from({ length: 10 }, (_, index) => entry(index, level - 1));
    lines.push(`a${level}: &a${level} ${open}${entries.join(",")}${close}`);
  }
  return lines.join("\n");
}

const LONG_LIST = `- &a [${fill("x,", HALF)}]\n`;
const SERVICE = "services:\n- name: a\n  url: http://x\n";

/** Ordinary configuration of the same length: the baseline of all others. */
export const ORDINARY: string = `services:\n${count((i) => `- {name: api-${i}, url: http://api-${i}.internal}\n`)}`;

/** Configurations that exceed a limit or are malformed. */
export const REFUSED: readonly HostileConfig[] = [
  ["50 MB", "a".repeat(50_000_000)],
  ["brackets", fill("[")],
  ["braces", fill("{a: ")],
  ["brackets over lines", fill("[\n")],
  ["dashes", fill("- ")],
  ["question marks", fill("? ")],
  ["10,000 deep", Array.from({ length: 10_000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("").slice(0, LENGTH)],
  ["10,000 deep JSON", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ["very deep JSON", `{"a":${"[".repeat(HALF - 10)}${"]".repeat(HALF - 10)}}`],
  ["very deep broken JSON", fill('{"a":')],
  ["alias bomb of lists", bomb(200, "[", "]", (_, level) => `*a${level}`)],
  ["alias bomb of mappings", bomb(200, "{", "}", (index, level) => `k${index}: *a${level}`)],
  ["alias bomb of merges", bomb(100, "{<<: [", "]}", (_, level) => `*a${level}`)],
  ["alias to itself", "a: &a [*a, *a]\nb: &b {c: *b, d: *b}\n"],
  ["merge of itself", "a: &a {<<: [*a, *a]}\n"],
  ["long text in many aliases", `a: &a ${fill("x", HALF)}\nb:\n${fill("- *a\n", HALF)}`],
  ["long list as a key, many times", LONG_LIST + fill("- ? *a\n", HALF)],
  ["long list as a key in braces", LONG_LIST + fill("- {*a}\n", HALF)],
  ["long list as a key in brackets", `${LONG_LIST}- [${fill("*a : b,", HALF)}]`],
  ["long list as a key on its own line", LONG_LIST + fill("- ?\n   *a\n", HALF)],
  ["wide mapping merged many times", `a: &a {${count((i) => `k${i}: v,`, HALF)}}\nb:\n${fill("- <<: *a\n", HALF)}`],
  ["unknown keys", count((i) => `k${i}:\n`)],
  ["unknown keys, nearly known", SERVICE + count((i) => `  pathPrefi${i}: v\n`)],
  ["unknown keys in JSON", `{${count((i) => `"k${i}":1,`)}"x":1}`],
  ["the same key", fill("a: b\n")],
  ["the same key in JSON", `{${fill('"k":1,')}"k":1}`],
  ["__proto__", '{"__proto__": {"port": 80}, "services": [{"name": "a", "url": "http://x"}]}'],
  ["long keys", count((i) => `${"k".repeat(1_000)}${i}: v\n`)],
  ["one long key", `${fill("k")}: v`],
  ["list of scalars", `services:\n${fill("- 1\n")}`],
  ["list of nothing", `services:\n${fill("-\n")}`],
  ["list of empty mappings", `services: [${fill("{},")}]`],
  ["directives", fill("%A b\n")],
  ["tag directives", count((i) => `%TAG !a${i}! b\n`)],
  ["tags", fill("- !a x\n")],
  ["anchors", count((i) => `- &a${i} x\n`)],
  ["documents", fill("---\n")],
  ["lines indented too little", `a:\n  b: [\n${fill("x,\n")}]`],
  ["comments", fill("# x\n")],
  ["empty lines", fill("\n")],
  ["spaces", fill(" ")],
  ["byte order marks", fill("\ufeff")],
  ["NUL", `a: ${fill("\0")}`],
  ["lone surrogates", `a: ${fill("\ud800")}`],
  ["escapes", `a: "${fill("\\x41")}"`],
  ["open quotes", `a: "${fill("x\n ")}`],
  ["folded text", `a: >\n${fill("  x\n\n")}`],
  ["text over many lines", `a:\n${fill("  x\n")}`],
  ["colons", `a: ${fill("x :")}`],
  ["stars", `# ${fill(" *a")}`],
  ["unknown placeholders", `a: ${fill("${")}`],
  ["placeholders for many variables", `a: ${count((i) => `\${env:A${i}}`)}`],
  ["placeholders for much text", `a: ${fill("${file:big}")}`],
  ["slashes in a URL", `${SERVICE}  primary: maybe\n- name: b\n  url: http://x${fill("/")}a?`],
  ["dots in a host", `${SERVICE}  host: ${fill("a-")}`],
  ["digits", `timeout: ${fill("1")}`],
  ["digits with dots", `maxBodySize: ${fill("1.")}`],
  ["colons of IPv6", `trustProxy: ${fill(":1")}`],
  ["header value with a bad end", `${SERVICE}  headers:\n    A: ${fill("x ")}é`],
  ["services of one name", `services:\n${fill("- {name: a, url: http://x}\n")}`],
  ["quotes", `${SERVICE}  a: '${fill("''")}'\n`],
];

/** Unusual configurations that are valid. */
export const ACCEPTED: readonly HostileConfig[] = [
  ["many services", `services:\n${count((i) => `- {name: a${i}, url: http://x} # ${fill("x", 20)}\n`)}`],
  ["many patterns", `${SERVICE}  path:\n${count((i) => `  - /pattern/${i}\n`)}`],
  ["many headers", `${SERVICE}  headers:\n${count((i) => `    h${i}: v\n`)}`],
  ["pattern of slashes", `${SERVICE}  path: ${fill("/")}a`],
  ["pattern of dots", `${SERVICE}  path: /${fill("a/../")}`],
  ["pattern of percent signs", `${SERVICE}  path: /${fill("%41")}`],
  ["URL of slashes", `services: [{name: a, url: "http://x${fill("/")}a"}]`],
  ["URL of letters beyond ASCII", `services: [{name: a, url: "http://x/${fill("ä")}"}]`],
  ["many addresses", `${SERVICE}trustProxy:\n${fill("- 10.200.200.0/24\n")}`],
];

/** Reads and validates a configuration whose placeholders all resolve. Rejects with its problems. */
export async function loadHostile(text: string): Promise<void> {
  const { value, source } = await readConfig(text, {
    readFile: () => Promise.resolve("x".repeat(65_536)),
    readEnv: () => "x",
  });
  validateConfig(value, source);
}
