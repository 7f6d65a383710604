import { assertEquals } from "@std/assert";

import { lintProse } from "../../tools/prose_lint.ts";

/** Each row: the path, the text, and the violations with their lines. */
const TEXTS: [name: string, path: string, text: string, findings: string[]][] = [
  ["a doc comment that names the thing", "src/a.ts", "/** Maximum size in bytes. */", []],
  [
    "a doc comment that starts with a question",
    "src/a.ts",
    "\n/** How many bytes are kept. */",
    [`2: starts with "How": name the thing first`],
  ],
  [
    "a parameter that starts with a question",
    "tests/a.ts",
    "/**\n * Sends it.\n *\n * @param wait Whether to wait.\n */",
    [`4: starts with "Whether": name the thing first`],
  ],
  ["a comment that continues a thought", "src/a.ts", "// Where a stream ends, nothing is left.", []],
  [
    "a message in code",
    "src/a.ts",
    'throw new Error("The file can not be read");',
    [`1: "can not": use cannot`],
  ],
  ["a URL in code", "src/a.ts", 'const page = "https://example.com/who/is/it";', []],
  ["code in backquotes", "src/a.ts", "/** Runs `whoami`, `who` and {@linkcode nobody_else}. */", []],
  [
    "a person as the subject in src",
    "src/a.ts",
    "a(); // for whoever reads it",
    [`1: "whoever": use the thing itself, as the subject`],
  ],
  ["a person as the subject in a test", "tests/a.ts", "a(); // for whoever reads it", []],
  [
    "a clause instead of a noun",
    "src/a.ts",
    "/** Returns what is in flight. */",
    [`1: "what is": use the noun`],
  ],
  [
    "software that talks",
    "src/a.ts",
    "// The service is asked again; else the attempt is broken off.",
    [`1: "broken off": use abort`, `1: "is asked": use the action itself`, `1: "; else": use otherwise`],
  ],
  ["a response with another name", "tests/a.ts", "// The answer is late.", [`1: "answer": use response, respond`]],
  ["an answer to a question in Markdown", "docs/a.md", "The answer is yes.", []],
  ["the same outside of src", "tests/a.ts", "// The service is asked what is in flight.", []],
  [
    "a sentence over two lines",
    "src/a.ts",
    `// ${"word ".repeat(20)}\n// ${"word ".repeat(19)}end. Short.`,
    [`1: sentence of 40 words: "${"word ".repeat(12)}…"`],
  ],
  ["an example", "src/a.ts", "/**\n * Adds.\n *\n * ```ts\n * whoever(); // can not\n * ```\n */", []],
  [
    "a long line of Markdown",
    "docs/a.md",
    `${"word ".repeat(8)}\n${"A word. ".repeat(21)}`,
    ["2: line of 168 characters: one sentence per line"],
  ],
  ["a table and code in Markdown", "docs/a.md", `| ${"a ".repeat(100)}|\n\`\`\`\n${"a ".repeat(100)}\n\`\`\``, []],
];

for (const [name, path, text, findings] of TEXTS) {
  Deno.test(`lintProse() checks ${name}`, () => {
    assertEquals(lintProse(path, text).map(({ line, message }) => `${line}: ${message}`), findings);
  });
}
