/**
 * A text that may hold names from documents or registries, without what a terminal would obey: each control character
 * but the line end, and each invisible one that turns the direction of writing, becomes a space.
 */
export function harmlessText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\n' ? character : ' '));
}
