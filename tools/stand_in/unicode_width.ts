import { eastAsianWidth } from "npm:get-east-asian-width@1.3.0";

const ZERO_WIDTH = /^[\p{Cc}\p{Mn}\p{Me}\p{Cf}]$/u;

export function unicodeWidth(str: string): number {
  let width = 0;
  for (const character of str) {
    if (!ZERO_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}
