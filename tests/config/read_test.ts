import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../src/config/read/config_error.ts";
import type { PlaceholderReaders } from "../../src/config/read/placeholders.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";

const FILES: Record<string, string> = { "/run/secrets/token": "t0ken\n", "two": "a\n\n", "tricky": "${env:PORT}" };
const VARIABLES: Record<string, string> = { PORT: "8081", TOKEN: "s3cret", EMPTY: "" };

const OPTIONS: PlaceholderReaders = {
  readFile(path) {
    const text = FILES[path];
    return text === undefined ? Promise.reject(namedError("NotFound")) : Promise.resolve(text);
  },
  readEnv(name) {
    if (name === "FORBIDDEN") throw namedError("NotCapable");
    return VARIABLES[name];
  },
};

function namedError(name: string): Error {
  return Object.assign(new Error("do not show this"), { name });
}

async function valueOf(text: string): Promise<unknown> {
  return (await readConfig(text, OPTIONS)).value;
}

/** Returns the problems of a text, in reading or in validation. */
async function problemsOf(text: string): Promise<string[]> {
  const read = async () => {
    const { value, source } = await readConfig(text, OPTIONS);
    validateConfig(value, source);
  };
  return (await assertRejects(read, ConfigError)).message.split("\n");
}

/** A file with one service, for a problem in the rest. */
const SERVICE = "services: [{ name: api, url: http://localhost:8081 }]\n";

Deno.test("readConfig() reads YAML and JSON", async () => {
  const expected = { port: 80, services: [{ name: "a", url: "http://x", primary: true }] };
  const texts = [
    "port: 80\nservices:\n- name: a\n  url: http://x\n  primary: true\n",
    "\ufeffport: 80\r\nservices:\r\n  - name: a\r\n    url: http://x\r\n    primary: true\r\n",
    '{"port": 80, "services": [{"name": "a", "url": "http://x", "primary": true}]}',
    '\ufeff{\n\t"port": 80,\n\t"services": [{"name": "a", "url": "http://x", "primary": true}]\n}\n',
    "{ port: 80, services: [{ name: a, url: http://x, primary: true }] } # YAML, but in braces",
    "---\nport: 80\nservices: [{name: a, url: 'http://x', primary: true}]\n...\n",
  ];
  for (const text of texts) assertEquals(await valueOf(text), expected, text);
});

Deno.test("readConfig() keeps scalars as written if resolving would change them", async () => {
  assertEquals(
    await valueOf(
      "a: 1.10\nb: 0x1F\nc: 2026-11-22\nd: 1e3\ne: 0o17\nf: True\ng: 7\nh: .nan\ni: ~\nj: null\nk: 12345678901234567890",
    ),
    {
      a: "1.10",
      b: "0x1F",
      c: "2026-11-22",
      d: "1e3",
      e: "0o17",
      f: "True",
      g: 7,
      h: ".nan",
      i: null,
      j: null,
      k: "12345678901234567890",
    },
  );
});

Deno.test("readConfig() follows aliases and merges mappings, and existing keys win", async () => {
  assertEquals(
    await valueOf("a: &a {x: 1, y: 1.0}\nb: &b {<<: *a, x: 2}\nc:\n  <<: [{z: 3, x: 3}, *b]\n  x: 4\nd: *a\n"),
    {
      a: { x: 1, y: "1.0" },
      b: { x: 2, y: "1.0" },
      c: { x: 4, z: 3, y: "1.0" },
      d: { x: 1, y: "1.0" },
    },
  );
});

Deno.test("readConfig() resolves placeholders once, alone and inside text", async () => {
  assertEquals(
    await valueOf(
      [
        "a: ${env:PORT}",
        "b: Bearer ${file:/run/secrets/token}, ${env:TOKEN}${env:EMPTY}!",
        "c: ['${file:two}', '$${env:PORT}', '$$', '$', '$$${env:PORT}', '{}']",
        "d: &d { e: '${file:tricky}' }",
        "f: *d",
        "${env:PORT}: key",
      ].join("\n"),
    ),
    {
      a: "8081",
      b: "Bearer t0ken, s3cret!",
      c: ["a\n", "${env:PORT}", "$$", "$", "$${env:PORT}", "{}"],
      d: { e: "${env:PORT}" },
      f: { e: "${env:PORT}" },
      "${env:PORT}": "key",
    },
  );
});

Deno.test("readConfig() keeps the written form of values with placeholders", async () => {
  const { source } = await readConfig("a: ${env:PORT}\nb: [x, 'x${file:two}']\nc: $${env:PORT}\n", OPTIONS);
  assertEquals(["a", "b", "b[0]", "b[1]", "c"].map((path) => source.templateOf?.(path)), [
    "${env:PORT}",
    undefined,
    undefined,
    "x${file:two}",
    undefined,
  ]);
});

Deno.test("readConfig() reads each file once", async () => {
  const read: string[] = [];
  const options: PlaceholderReaders = {
    ...OPTIONS,
    readFile(path) {
      read.push(path);
      return Promise.resolve("x");
    },
  };
  assertEquals((await readConfig("a: ${file:f}${file:f}\nb: ${file:f}\n", options)).value, { a: "xx", b: "x" });
  assertEquals(read, ["f"]);
});

Deno.test("readConfig() reads up to 16 files at the same time, and reports their errors in the order of the text", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
  const pending: (() => void)[] = [];
  let most = 0;
  const options: PlaceholderReaders = {
    ...OPTIONS,
    async readFile() {
      const { promise, resolve } = Promise.withResolvers<void>();
      most = Math.max(most, pending.push(resolve));
      await promise;
      throw namedError("TimeoutError");
    },
  };
  const text = names.map((name) => `${name}: \${file:${name}}\n`).join("") + SERVICE;
  const reading = assertRejects(async () => {
    const { value, source } = await readConfig(text, options);
    validateConfig(value, source);
  }, ConfigError);
  const finished = reading.then(() => true);
  // The last read finishes first.
  while (!await Promise.race([finished, new Promise<false>((resolve) => setTimeout(resolve, 0, false))])) {
    pending.pop()?.();
  }
  assertEquals(most, 16);
  assertEquals(
    (await reading).message.split("\n").filter((line) => line.includes("timed out")),
    names.map((name, index) => `${name}: needs the file "${name}": reading it timed out (line ${index + 1})`),
  );
});

/** A text, and the problems in it. */
const PROBLEMS: [text: string, ...problems: string[]][] = [
  ["", 'the file must hold at least "services": found nothing'],
  ["# nothing yet\n", 'the file must hold at least "services": found nothing'],
  ["~", 'the file must hold at least "services": found nothing'],
  ["- a\n", "the configuration must be a mapping of fields: found a list"],
  ["port\n", "the configuration must be a mapping of fields: found text"],
  ["{}", "services: is required"],
  ["port: 80\n---\nport: 81\n", "the file must be one YAML document: found a second one (line 2)"],
  [
    "port: [80\n",
    "the file must be valid YAML: unexpected end of the stream within a flow collection (line 2)",
  ],
  ["logging:\n\tlevel: info\n", "the file must be indented with spaces: found a tab (line 2)"],
  [
    "port: !!binary aGVsbG8=\n",
    "the file must be valid YAML: a tag must be one of the core schema, and fit its value (line 1)",
  ],
  [
    '{"port": 80\n"hostname": "x"}',
    "the file must be valid JSON or YAML: missing comma between flow collection entries (line 2)",
  ],
  [SERVICE + "port: 80\nport: 81\n", "port: must be given once (line 3)"],
  [
    "services:\n- name: a\n  url: http://x\n  headers:\n    A: b\n    A: c\n  prot: 1\n",
    "services[0].headers.A: must be given once (line 6)",
    "services[0].prot: unknown key (line 7)",
  ],
  [
    '{"port": 80,\n"services": [{"name": "a", "url": "http://x",\n"name": "b"}],\n"port": 81}',
    "services[0].name: must be given once (line 3)",
    "port: must be given once (line 4)",
  ],
  [SERVICE + "__proto__: { port: 80 }\n", "__proto__: cannot be a key (line 2)"],
  [
    `{"__proto__": {"port": 80},\n"services": [{"name": "a", "url": "http://x"}]}`,
    "__proto__: cannot be a key (line 1)",
  ],
  [SERVICE + "<<: 7\n", '["<<"]: must be a mapping to merge, or a list of mappings (line 2)'],
  [SERVICE + "port: 2026-11-22\n", 'port: must be a whole number from 0 to 65535: found "2026-11-22" (line 2)'],
  [SERVICE + "port: .inf\n", 'port: must be a whole number from 0 to 65535: found ".inf" (line 2)'],
  [SERVICE + "hostname: ${file:/nope}\n", 'hostname: needs the file "/nope": no such file (line 2)'],
  [SERVICE + "hostname: ${env:NOPE}\n", 'hostname: needs the environment variable "NOPE": it is not set (line 2)'],
  [
    SERVICE + "hostname: ${env:FORBIDDEN}\n",
    'hostname: needs the environment variable "FORBIDDEN": Deno needs the flag --allow-env=FORBIDDEN for it (line 2)',
  ],
  ...["${x}", "${env:}", "${env:A-B}", "${file:}", "${", "${env:PORT", "${ENV:PORT}"].map((text): [string, string] => [
    `${SERVICE}hostname: "${text}"\n`,
    "hostname: must be ${file:PATH}, ${env:NAME} or ${env:NAME:-DEFAULT}, or have $${ for a literal ${: found another placeholder (line 2)",
  ]),
  [
    "port: ${env:TOKEN}\nservices:\n- name: a\n  url: ${env:TOKEN}\n  pathPrefix: [/a, '${env:TOKEN}']\n  headers: { A: '${file:two}' }\n",
    "port: must be a whole number from 0 to 65535: found the value of a placeholder (line 1)",
    "services[0].url: must be an http or https URL: found the value of a placeholder (line 4)",
    "services[0].pathPrefix[1]: must not contain a placeholder: logs, metrics and reports print this value (line 5)",
    "services[0].headers.A: must be a header value: found a line break (line 6)",
  ],
  [
    "prot: 1\nservices:\n  - name: a\n  - name: ${env:NOPE}\n    url: http://x\n    primary: maybe\n",
    'prot: unknown key; did you mean "port"? (line 1)',
    "services[0].url: is required (line 3)",
    'services[1].name: needs the environment variable "NOPE": it is not set (line 4)',
    'services[1].primary: must be true or false: found "maybe" (line 6)',
  ],
];

Deno.test("readConfig() and validateConfig() report all problems of a file, with lines and without secrets", async () => {
  for (const [text, ...problems] of PROBLEMS) assertEquals(await problemsOf(text), problems, text);
});

Deno.test("readConfig() keeps secrets out of warnings", async () => {
  const text = `
logging: { output: "\${env:OUTPUT}" }
services:
  - { name: a, url: https://x, primary: true, host: "\${env:HOST}" }
  - { name: b, url: "http://\${env:HOST}", shadow: true }
`;
  const environment: Record<string, string> = { OUTPUT: "file", HOST: "targett" };
  const { value, source } = await readConfig(text, { ...OPTIONS, readEnv: (name) => environment[name] });
  assertEquals(validateConfig(value, source).warnings, [
    'logging.output: the value of a placeholder is not supported: "stdout" is used (line 2)',
    "services[1].url: shadow requests send client credentials unencrypted to another machine: use https, or `credentials: false` (line 5)",
  ]);
});

Deno.test("readConfig() does not show errors of the reader", async () => {
  const reasons: Record<string, string> = {
    NotFound: "no such file",
    IsADirectory: "it is a directory",
    PermissionDenied: "permission denied",
    NotCapable: "Deno needs the flag --allow-read for it",
    FileTooLarge: "it is too large",
    InvalidText: "it is not UTF-8 text",
    TypeError: "it cannot be read",
    constructor: "it cannot be read",
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const options = { ...OPTIONS, readFile: () => Promise.reject(namedError(name)) };
    const { source } = await readConfig(`${SERVICE}hostname: \${file:x}`, options);
    assertEquals(source.problems, [{ path: "hostname", message: `needs the file "x": ${reason}`, line: 2 }]);
  }
});
