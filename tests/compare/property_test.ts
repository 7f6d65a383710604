/** Random documents: equal documents match, and a planted change is found at its path. */

import { assert, assertEquals } from "@std/assert";
import { compareResponses } from "../../src/compare/compare_responses.ts";
import type { Difference, DifferenceKind } from "../../src/compare/difference.ts";
import { ELEMENT, printJsonPath, type Segment } from "../../src/config/body_path.ts";
import { capturedResponse, compareRules } from "../_support/comparisons.ts";

const ROUNDS = 400;
const KEYS = ["a", "b", "id", "a b", "", "__proto__", "constructor", "0", "*", "é", '"', "updatedAt", "x-y", "\u2028"];

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Random = () => number;

/** Mulberry32: a small generator with the same numbers on all platforms. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)]!;
}

function randomJson(random: Random, depth: number): Json {
  const kind = Math.floor(random() * (depth === 0 ? 5 : 8));
  switch (kind) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return Math.floor(random() * 1_000);
    case 3:
      return random() * 10 ** Math.floor(random() * 30 - 10);
    case 4:
      return pick(["", "text", "1", "null", "\ud83d\ude00", "line\nbreak", "x".repeat(300)], random);
    case 5:
      return Array.from({ length: Math.floor(random() * 5) }, () => randomJson(random, depth - 1));
    default: {
      const entries = KEYS.filter(() => random() < 0.3).map((key) => [key, randomJson(random, depth - 1)] as const);
      return Object.fromEntries(entries);
    }
  }
}

/** Returns a non-empty object or array. */
function randomDocument(random: Random): Json {
  for (;;) {
    const document = randomJson(random, 5);
    if (typeof document === "object" && document !== null && Object.keys(document).length > 0) return document;
  }
}

/** Writes a value with random white space and order of keys. */
function rewrite(value: Json, random: Random, shuffleArrays: boolean): string {
  const space = () => pick(["", " ", "\n\t"], random);
  if (Array.isArray(value)) {
    const elements = value.map((element) => rewrite(element, random, shuffleArrays));
    return `[${space()}${(shuffleArrays ? shuffle(elements, random) : elements).join(`,${space()}`)}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) =>
    `${JSON.stringify(key)}${space()}:${rewrite(member, random, shuffleArrays)}`
  );
  return `{${shuffle(members, random).join(`${space()},`)}${space()}}`;
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  return items.map((item) => ({ item, order: random() })).sort((a, b) => a.order - b.order).map(({ item }) => item);
}

interface Planted {
  readonly changed: Json;
  readonly path: readonly Segment[];
  readonly kind: DifferenceKind;
}

/** Changes one value at a random path. */
function plant(value: Json, random: Random, path: readonly Segment[] = []): Planted {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (keys.length > 0 && random() < 0.7) {
    const key = pick(keys, random);
    if (Array.isArray(value)) {
      const inner = plant(value[Number(key)]!, random, [...path, ELEMENT]);
      return { ...inner, changed: value.with(Number(key), inner.changed) };
    }
    const object = value as Record<string, Json>;
    const inner = plant(object[key]!, random, [...path, key]);
    return { ...inner, changed: Object.fromEntries([...Object.entries(object), [key, inner.changed]]) };
  }
  return plantHere(value, random, path);
}

function plantHere(value: Json, random: Random, path: readonly Segment[]): Planted {
  if (Array.isArray(value)) {
    const at = Math.floor(random() * (value.length + 1));
    if (value.length > 0 && random() < 0.5) {
      return { changed: value.toSpliced(Math.min(at, value.length - 1), 1), path: [...path, ELEMENT], kind: "removed" };
    }
    return { changed: value.toSpliced(at, 0, "planted"), path: [...path, ELEMENT], kind: "added" };
  }
  if (typeof value === "object" && value !== null) {
    const key = pick(Object.keys(value).concat("new", "new key"), random);
    const rest = Object.entries(value).filter(([other]) => other !== key);
    return Object.hasOwn(value, key)
      ? { changed: Object.fromEntries(rest), path: [...path, key], kind: "removed" }
      : { changed: Object.fromEntries([...rest, [key, "planted"]]), path: [...path, key], kind: "added" };
  }
  if (random() < 0.3) return { changed: { planted: true }, path, kind: "type" };
  switch (typeof value) {
    case "string":
      return { changed: `${value}!`, path, kind: "changed" };
    case "number":
      return { changed: value === 0 ? 1 : -value, path, kind: "changed" };
    case "boolean":
      return { changed: !value, path, kind: "changed" };
    default:
      return { changed: "planted", path, kind: "type" };
  }
}

function compare(a: string, b: string, rules: Readonly<Record<string, unknown>> = {}): readonly Difference[] {
  return compareResponses(capturedResponse({ body: a }), capturedResponse({ body: b }), compareRules(rules))
    .differences;
}

function forManySeeds(check: (random: Random, seed: number) => void): void {
  for (let seed = 1; seed <= ROUNDS; seed++) check(randomFrom(seed), seed);
}

Deno.test("compareResponses() finds no difference between two spellings of a document", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    const text = JSON.stringify(document);
    assertEquals(compare(text, text), [], `seed ${seed}`);
    assertEquals(compare(text, rewrite(document, random, false)), [], `seed ${seed}: ${text}`);
  });
});

Deno.test("compareResponses() finds a planted change at its path only", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    const { changed, path, kind } = plant(document, random);
    const differences = compare(JSON.stringify(document), rewrite(changed, random, false));
    const found = differences.map(({ path, kind }) => `${path} ${kind}`);
    assertEquals(found, [`${printJsonPath(path)} ${kind}`], `seed ${seed}: ${JSON.stringify(document)}`);
  });
});

Deno.test("compareResponses() finds several planted changes, each path once", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    let changed = document;
    for (let count = 0; count < 5; count++) changed = plant(changed, random).changed;
    const a = JSON.stringify(document);
    const b = JSON.stringify(changed);
    const paths = compare(a, b).map(({ path }) => path);
    assertEquals(new Set(paths).size, paths.length, `seed ${seed}`);
    assertEquals(paths.length === 0, compare(b, rewrite(document, random, false)).length === 0, `seed ${seed}`);
    assertEquals(compare(a, b, { ignore: paths }), [], `seed ${seed}: the found paths are ignored`);
  });
});

Deno.test("compareResponses() ignores the path of an ignore rule, and no other path", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    const { changed, path } = plant(document, random);
    const [a, b] = [JSON.stringify(document), JSON.stringify(changed)];
    const written = printJsonPath(path);
    assertEquals(compare(a, b, { ignore: written }), [], `seed ${seed}: ${written}`);
    const others = [
      ...KEYS.filter((key) => !path.includes(key)).map((key) => `$..[${JSON.stringify(key)}]`),
      `${written}.more`,
    ];
    assertEquals(compare(a, b, { ignore: others }).map(({ path }) => path), [written], `seed ${seed}: ${written}`);
  });
});

Deno.test("compareResponses() finds no difference between shuffled unordered arrays", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    const differences = compare(JSON.stringify(document), rewrite(document, random, true), { arrays: "unordered" });
    assertEquals(differences, [], `seed ${seed}: ${JSON.stringify(document)}`);
  });
});

Deno.test("compareResponses() finds a planted change in shuffled unordered arrays", () => {
  forManySeeds((random, seed) => {
    const document = randomDocument(random);
    const { changed } = plant(document, random);
    const differences = compare(JSON.stringify(document), rewrite(changed, random, true), { arrays: "unordered" });
    assert(differences.length > 0, `seed ${seed}: ${JSON.stringify(document)}`);
  });
});
