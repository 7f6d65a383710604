import { assert, assertEquals } from "@std/assert";
import { formOf, hasSameForm } from "../../src/compare/value_form.ts";
import { StepBudget } from "../../src/lib/step_budget.ts";

const ALIKE: readonly (readonly [title: string, a: string, b: string])[] = [
  ["times", "2026-11-30T14:02:00.123Z", "2026-11-30T14:02:01.4Z"],
  ["times with an offset", "2026-11-30T14:02:00+01:00", "2026-11-30T13:02:00+02:00"],
  ["times in UTC", "2026-11-30T14:02:00Z", "2026-11-30T14:02:01+00:00"],
  ["UUIDs after a type", "user-f47ac10b-58cc-4372-a567-0e02b2c3d479", "user-7c9e6679-7425-40de-944b-e07fc1f90ae7"],
  ["identifiers after a type", "order_kJ3abcD9Zq8LmN0pQr", "order_Zz1QwErT9aSdF7gHjK"],
  ["identifiers of which one looks like a type", "ab_kJ3abcD9Zq8LmN0pQr", "Zz1+QwErT9aSdF7gHjKd3"],
  ["epochs", "1796076573", "1796076574"],
  ["UUIDs", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "7c9e6679-7425-40de-944b-e07fc1f90ae7"],
  ["hexadecimal ids", "id-8f3a2b1c9d", "id-1b9c8a7d6e"],
  ["ObjectIds", "507f1f77bcf86cd799439011", "507f191e810c19729de860ea"],
  ["ULIDs", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVS0"],
  ["base64 tokens", "kJ3/abcD9+Zq8LmN0pQr==", "Zz1+QwErT9/aSdF7gHjK=="],
  ["tokens of which one has no digit", "kJ3abcD9Zq8LmN0pQr", "kJdabcDiZqsLmNopQr"],
  ["tokens in a query of which one has no digit", "/a?state=kJ3abcD9Zq8LmN0pQr", "/a?state=kJdabcDiZqsLmNopQr"],
  ["nanoids", "V1StGXR8_Z5jdHi6B-myT", "a7BkPq2XrT-Lw9Zc3dVfG"],
  ["tokens in an attribute", '<input value="kJ3abcD9Zq8LmN0pQr">', '<input value="Zz1QwErT9aSdF7gHjK">'],
  ["ids in a URL", "https://x.example/o/8f3a2b1c?at=1796076573", "https://x.example/o/1b9c8a7d?at=1796076574"],
];

const DIFFERENT: readonly (readonly [title: string, a: string, b: string])[] = [
  ["an empty token", "kJ3abcD9Zq8LmN0pQr", ""],
  ["a shorter token", "507f1f77bcf86cd799439011", "507f1f77bcf86cd79943"],
  ["a time without zone", "2026-11-30T14:02:00Z", "2026-11-30T14:02:00"],
  ["an epoch in seconds", "1796076573000", "1796076573"],
  ["the zero time of a program", "2026-11-30T14:02:00Z", "0001-01-01T00:00:00Z"],
  ["the start of Unix time", "2026-11-30T14:02:00.123Z", "1970-01-01T00:00:00.000Z"],
  ["the last date of a database", "2026-11-30", "9999-12-31"],
  [
    "a UUID after another type",
    "user-f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "cart-7c9e6679-7425-40de-944b-e07fc1f90ae7",
  ],
  ["an identifier after another type", "order_kJ3abcD9Zq8LmN0pQr", "crate_Zz1QwErT9aSdF7gHjK"],
  ["a UUID in upper case", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "7C9E6679-7425-40DE-944B-E07FC1F90AE7"],
  ["a digest in upper case", "507f1f77bcf86cd799439011", "507F191E810C19729DE860EA"],
  ["a UUID of zeros", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "00000000-0000-0000-0000-000000000000"],
  ["a trace id of zeros", "4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"],
  ["prices", "12.99", "13.99"],
  ["fractions", "0.123456789123", "0.987654321987"],
  ["counts", "1234", "1235"],
  ["words", "the lazy dog", "the quick dog"],
  ["paths", "https://x.example/orders/items", "https://x.example/orders/lines"],
  ["long words", "internationalization", "internationalisation"],
  ["a token of another length without digits", "kJ3abcD9Zq8LmN0pQr", "kJdabcDiZqsLmNopQ"],
  ["two words of the same length", "internationalised", "industrialisation"],
  ["other text around a token", "a kJ3abcD9Zq8LmN0pQr b", "a kJ3abcD9Zq8LmN0pQr c"],
];

for (const [title, a, b] of ALIKE) {
  Deno.test(`hasSameForm() holds for ${title}`, () => assert(hasSameForm(a, b, new StepBudget()), formOf(a)));
}

for (const [title, a, b] of DIFFERENT) {
  Deno.test(`hasSameForm() does not hold for ${title}`, () => assert(!hasSameForm(a, b, new StepBudget()), formOf(a)));
}

Deno.test("hasSameForm() finds the ends of an identifier that differs in its middle only", () => {
  const text = "x ".repeat(1_000);
  const at = (id: string) => `${text}"${id}"${text}`;
  assert(hasSameForm(at("507f1f77bcf86cd799439011"), at("507f1f77bcf86cd7994390aa"), new StepBudget()));
  assert(!hasSameForm(at("507f1f77bcf86cd799439011"), at("507f1f77bcf86cd7994390a"), new StepBudget()));
});

Deno.test("hasSameForm() takes linear time, and none without enough steps", () => {
  for (const pattern of ["a=", "1-", "x/", "é", "2026-", "aB3", "=.:~"]) {
    const text = pattern.repeat(200_000 / pattern.length);
    const startMs = performance.now();
    hasSameForm(text, `${text}!`, new StepBudget());
    formOf(text);
    assert(performance.now() - startMs < 1_000, pattern);
  }
  assertEquals(hasSameForm("1796076573", "1796076574", new StepBudget(5)), false);
});

Deno.test("hasSameForm() holds for nearly all pairs of random tokens", () => {
  const token = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24))));
  const misses = Array.from({ length: 20_000 }, () => hasSameForm(token(), token(), new StepBudget()))
    .filter((isSame) => !isSame);
  assert(misses.length <= 40, `${misses.length}`);
});
