import { createScanner } from 'jsonc-parser';

import { escapedJson } from './shown-text.js';

/**
 * Re-indents JSON without parsing it: numbers, escapes and duplicate members stay as written. The result is that of
 * Go's `json.Indent`, and so of `docker manifest inspect`: `{}` and `[]` stay on one line, white space before the
 * document is removed, and white space after it is kept.
 * @param text valid JSON
 * @param indent for each level
 */
export function indentJson(text: string, indent: string): string {
  const scanner = createScanner(text, true);
  const parts: string[] = [];
  let depth = 0;
  let end = 0;
  // The line break after `{` or `[` waits for the next token: an empty object or array has none.
  let opened = false;
  const newline = (): void => void parts.push('\n', indent.repeat(depth));
  for (;;) {
    scanner.scan();
    const token = text.slice(scanner.getTokenOffset(), scanner.getPosition());
    if (token === '') return parts.join('') + text.slice(end);
    end = scanner.getPosition();
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    if (opened !== closes) newline();
    opened = token === '{' || token === '[';
    if (opened) depth += 1;
    parts.push(token === ':' ? ': ' : token);
    if (token === ',') newline();
  }
}

/**
 * Escapes JSON for HTML as Go's `json.Marshal` does. `<`, `>`, `&`, U+2028 and U+2029 occur only in strings, so this
 * works on a whole document.
 */
export function escapeHtml(json: string): string {
  return escapedJson(json, /[<>&\u2028\u2029]/g);
}
