/**
 * Removes repetitions of a character from the end of a text. `replace(/\/+$/, '')` takes quadratic time for a long run of
 * the character that is not at the end.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}
